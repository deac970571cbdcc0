"""A mixture as an `IterableDataset` of Hugging Face's datasets, an extra of its own."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from humandata.errors import MissingDependencyError
from humandata.mixtures.adapters import sample_arrays
from humandata.mixtures.batch import View
from humandata.mixtures.loader import MixtureLoader

if TYPE_CHECKING:
    from datasets import IterableDataset

DATASETS_INSTALL = "pip install 'humandata[trainers]'"


def huggingface_dataset(
    path: Path, num_workers: int = 0, seed: int | None = None, first_batch: int = 0, view: View | None = None
) -> IterableDataset:
    """The samples of the manifest at `path` in their order, without end, a dictionary each (`adapters.sample_arrays`).

    It is the whole sequence, which Hugging Face's Trainer and `split_dataset_by_node` share out among processes
    themselves. MissingDependencyError where the package `datasets` is absent.
    """
    try:
        dataset_class = import_module("datasets").IterableDataset
    except ImportError:
        raise MissingDependencyError(f"an IterableDataset needs the package datasets: {DATASETS_INSTALL}") from None
    shown = view or View()

    def samples() -> Iterator[dict[str, Any]]:
        loader = MixtureLoader(path, 0, 1, num_workers, seed, shown.images, shown.cameras, shown.history)
        loader.samples_consumed = first_batch * loader.mixture.batch_size
        for batch in loader:
            columns = sample_arrays(batch)
            for place in range(len(batch.sample)):
                yield {name: column[place] for name, column in columns.items()}

    dataset: IterableDataset = dataset_class.from_generator(samples)
    return dataset
