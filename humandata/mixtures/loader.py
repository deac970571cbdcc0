"""The training batches of a mixture in their one order, on any number of ranks and workers, and its held-out ones."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import lru_cache
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from humandata.errors import DatasetError, HumandataError, UsageError
from humandata.mixtures.batches import Batch, BatchReader
from humandata.mixtures.manifest import check_sources
from humandata.mixtures.sampler import MixtureSampler, rank_samples
from humandata.mixtures.step_index import Located
from humandata.schemas.mixture import read_mixture

_DRAWN_AT_ONCE = 4096


class MixtureLoader:
    """Endless global batches of a mixture, of which this rank gets its share; it can stop and go on anywhere.

    What a batch holds depends on the manifest, the seed and the batch's place alone. Batches that workers have prepared
    but nobody has taken do not count as consumed.
    """

    def __init__(
        self,
        path: Path,
        rank: int = 0,
        world_size: int = 1,
        num_workers: int = 0,
        seed: int | None = None,
        images: bool = True,
    ) -> None:
        """For the manifest at `path`, with its own seed unless one is given; without `images`, pictures of size 0.

        Raises DatasetError where the manifest is wrong, or a source is gone or changed.
        """
        self.mixture = read_mixture(path)
        check_sources(self.mixture, path.parent)
        if not 0 <= rank < world_size:
            raise UsageError(f"rank {rank} is not among {world_size} ranks, which are numbered from 0.")
        self.samples_consumed = 0
        self._batches = _GlobalBatches(path, rank, world_size, seed, images)
        self._num_workers = num_workers

    def __iter__(self) -> Iterator[Batch]:
        """Batches from the first sample that was not consumed."""
        size = self.mixture.batch_size
        loader = DataLoader(
            self._batches,
            batch_size=None,
            sampler=_BatchStarts(self.samples_consumed, size),
            num_workers=self._num_workers,
            worker_init_fn=_begin_worker,
        )
        for batch in loader:
            if isinstance(batch, HumandataError):
                raise batch
            self.samples_consumed += size
            yield batch

    def state_dict(self) -> dict[str, str | int]:
        """All that is needed to go on, with any world size and number of workers."""
        return {"manifest_sha256": self.mixture.manifest_sha256, "samples_consumed": self.samples_consumed}

    def load_state_dict(self, state: dict[str, str | int]) -> None:
        """Go on after `samples_consumed` samples of the same manifest; DatasetError where it is another."""
        if state["manifest_sha256"] != self.mixture.manifest_sha256:
            raise DatasetError(
                f"the run to resume was on the mixture {str(state['manifest_sha256'])[:12]}, this one is "
                f"{self.mixture.manifest_sha256[:12]}. Give the mixture it was on, or begin a new run."
            )
        self.samples_consumed = int(state["samples_consumed"])


def held_out_batches(path: Path, stride: int = 10, batch_size: int = 64) -> Iterator[Batch]:
    """Every `stride`-th eligible step of every held-out episode of the manifest at `path`, in a fixed order.

    Samples are numbered from 0; the last batch may be smaller, and there is none where nothing is held out.
    """
    mixture = read_mixture(path)
    reader = BatchReader(mixture, path.parent)
    parts = [reader.index.every(source, held_out=True, stride=stride) for source in range(len(mixture.sources))]
    span, step = (np.concatenate([getattr(part, name) for part in parts]) for name in ("span", "step"))
    for start in range(0, len(span), batch_size):
        chosen = slice(start, start + batch_size)
        yield reader.read(Located(span[chosen], step[chosen]), np.arange(len(span))[chosen])


class _GlobalBatches(Dataset[Batch | HumandataError]):
    """This rank's share of the global batch that begins at a sample. Files are opened where batches are made."""

    def __init__(self, path: Path, rank: int, world_size: int, seed: int | None, images: bool) -> None:
        self._path, self._rank, self._world_size, self._seed, self._images = path, rank, world_size, seed, images
        self._reader: BatchReader | None = None

    def __getitem__(self, batch_start: int) -> Batch | HumandataError:
        """The batch, or what is wrong: an error raised in a worker would come with its traceback as its message."""
        try:
            return self._read(batch_start)
        except HumandataError as failure:
            return failure

    def _read(self, batch_start: int) -> Batch:
        if self._reader is None:
            mixture = read_mixture(self._path)
            self._batch_size = mixture.batch_size
            self._sampler = MixtureSampler(mixture, self._seed)
            self._reader = BatchReader(mixture, self._path.parent, self._images)
            self._drawn = lru_cache(maxsize=2)(self._draw)
        g = rank_samples(batch_start, self._batch_size, self._rank, self._world_size)
        if not len(g):
            return self._reader.read(Located(g, g), g)
        blocks = [self._drawn(block) for block in range(int(g[0]) // _DRAWN_AT_ONCE, int(g[-1]) // _DRAWN_AT_ONCE + 1)]
        place = g - g[0] // _DRAWN_AT_ONCE * _DRAWN_AT_ONCE
        span, step = (np.concatenate([getattr(block, name) for block in blocks]) for name in ("span", "step"))
        return self._reader.read(Located(span[place], step[place]), g)

    def _draw(self, block: int) -> Located:
        """The steps of a block of samples: drawing many at once costs a tenth of drawing batch by batch."""
        assert self._reader is not None, "samples are drawn for a reader"
        g = np.arange(block * _DRAWN_AT_ONCE, (block + 1) * _DRAWN_AT_ONCE)
        return self._reader.index.locate(*self._sampler.samples(g))


class _BatchStarts(Sampler[int]):
    """The first sample of each batch, without end."""

    def __init__(self, start: int, size: int) -> None:
        self._start, self._size = start, size

    def __iter__(self) -> Iterator[int]:
        return count(self._start, self._size)


def _begin_worker(_worker: int) -> None:
    """Workers share the cores by being several, not by threads of their own, and leave Ctrl-C to their master."""
    import cv2
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    pa.set_cpu_count(1)
