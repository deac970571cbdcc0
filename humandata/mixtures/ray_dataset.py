"""A mixture as a dataset of Ray Data, whose workers make the batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from humandata.arrays import IntArray
from humandata.errors import MissingDependencyError
from humandata.mixtures.adapters import sample_arrays
from humandata.mixtures.batch import View
from humandata.mixtures.loader import MixtureLoader

if TYPE_CHECKING:
    import ray.data


def ray_dataset(
    path: Path,
    num_batches: int,
    first_batch: int = 0,
    num_workers: int = 1,
    seed: int | None = None,
    view: View | None = None,
) -> ray.data.Dataset:
    """`num_batches` global batches of the manifest at `path` from number `first_batch` on, a row a sample.

    Columns are those of `adapters.sample_arrays`. Rows say by `sample` which they are; Ray keeps their order where its
    `DataContext.execution_options.preserve_order` is set. Every worker must see the files at `path`.
    MissingDependencyError where what Ray Data needs is absent.
    """
    try:
        import ray.data
    except ImportError:
        raise MissingDependencyError("a Ray dataset needs Ray Data: pip install 'humandata[trainers]'") from None
    # Not ray.data.range: its tasks wait for a CPU, for ever where the workers hold all that there are.
    shares = np.array_split(np.arange(num_batches), min(num_batches, 4 * num_workers))
    numbers = ray.data.from_arrow([pa.table({"id": share}) for share in shares])
    batches: ray.data.Dataset = numbers.map_batches(
        _Batches,
        fn_constructor_args=(path.resolve(), first_batch, seed, view or View()),
        batch_size=1,
        concurrency=num_workers,
    )
    return batches


class _Batches:
    """What a worker of Ray keeps from one batch to the next."""

    def __init__(self, path: Path, first_batch: int, seed: int | None, view: View) -> None:
        self._loader = MixtureLoader(path, 0, 1, 0, seed, view.images, view.cameras, view.history)
        self._first_batch = first_batch

    def __call__(self, block: dict[str, IntArray]) -> dict[str, NDArray[np.generic]]:
        """The samples of one batch, of a block that holds its number."""
        return sample_arrays(self._loader.batch(self._first_batch + int(block["id"][0])))
