"""The training batches of a mixture in their one order, on any number of ranks and workers, and its held-out ones."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from humandata.arrays import IntArray
from humandata.errors import DatasetError, HumandataError
from humandata.mixtures.batch import Batch, BatchLayout, View
from humandata.mixtures.batch_blocks import BatchBlocks, PackedBatch
from humandata.mixtures.batches import BatchReader, check_cameras
from humandata.mixtures.manifest import check_sources
from humandata.mixtures.ranks import rank_and_world_size
from humandata.mixtures.sampler import MixtureSampler, rank_samples
from humandata.mixtures.step_index import Located
from humandata.schemas.mixture import read_mixture

_DRAWN_AT_ONCE = 4096
"""Samples: drawing many at once costs a tenth of drawing batch by batch."""
_PREFETCHED = 2
"""Batches that each worker prepares ahead."""


class MixtureLoader:
    """Endless global batches of a mixture, of which this rank gets its share; it can stop and go on anywhere.

    What a batch holds depends on the manifest, the seed and the batch's place alone. Batches that workers have prepared
    but nobody has taken do not count as consumed.
    """

    def __init__(
        self,
        path: Path,
        rank: int | None = None,
        world_size: int | None = None,
        num_workers: int = 0,
        seed: int | None = None,
        images: bool = True,
        cameras: tuple[str, ...] = (),
        history: int = 1,
        pin_memory: bool | None = None,
    ) -> None:
        """For the manifest at `path`, with its own seed unless one is given.

        Rank and world size are found out where they are not given (`ranks`). Without `images`, pictures have the size
        0. Besides the primary camera, `cameras` are those whose columns are `image_<name>`. With a `history` above 1, a
        batch has that many moments at the mixture's rate. Memory is pinned where there is a GPU, or as told.

        Raises DatasetError where the manifest is wrong, or a source is gone or changed, and UsageError where no source
        has such a camera.
        """
        self.mixture = read_mixture(path)
        check_sources(self.mixture, path.parent)
        self.samples_consumed = 0
        self.rank, self.world_size = rank_and_world_size(rank, world_size)
        self._path, self._seed = path, seed
        self._view = View(images, cameras, history)
        if cameras:
            check_cameras(self.mixture, path.parent, self._view)
        self._num_workers = num_workers
        self._pin_memory = torch.cuda.is_available() if pin_memory is None else pin_memory

    def __iter__(self) -> Iterator[Batch]:
        """Batches from the first sample that was not consumed."""
        size, blocks = self.mixture.batch_size, None
        if self._num_workers:
            # Besides what is prefetched, one that the user looks at, the one before it, and one to spare.
            num_blocks = self._num_workers * _PREFETCHED + 3
            blocks = BatchBlocks(num_blocks, BatchLayout(self.mixture, self._view), -(-size // self.world_size))
        loader = DataLoader(
            _GlobalBatches(self._path, _Share(self.rank, self.world_size, self._seed), self._view, blocks),
            batch_size=None,
            sampler=_Requests(self.samples_consumed, size, blocks),
            num_workers=self._num_workers,
            prefetch_factor=_PREFETCHED if self._num_workers else None,
            worker_init_fn=_begin_worker,
            pin_memory=self._pin_memory,
        )
        for batch in loader:
            if isinstance(batch, HumandataError):
                raise batch
            self.samples_consumed += size
            yield batch.unpack() if isinstance(batch, PackedBatch) else batch

    def batch(self, number: int) -> Batch:
        """This rank's share of the global batch of that number, whatever was consumed."""
        batch = self._here[number * self.mixture.batch_size, None]
        if isinstance(batch, HumandataError):
            raise batch
        assert isinstance(batch, Batch), "without a block there is nothing to unpack"
        return batch

    @cached_property
    def _here(self) -> _GlobalBatches:
        return _GlobalBatches(self._path, _Share(self.rank, self.world_size, self._seed), self._view, None)

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


@dataclass(frozen=True)
class _Share:
    """What a rank loads."""

    rank: int
    world_size: int
    seed: int | None


class _GlobalBatches(Dataset[Batch | PackedBatch | HumandataError]):
    """This rank's share of the global batch that begins at a sample. Files are opened where batches are made."""

    def __init__(self, path: Path, share: _Share, view: View, blocks: BatchBlocks | None) -> None:
        self._path, self._share, self._view, self._blocks = path, share, view, blocks
        self._reader: BatchReader | None = None

    def __getitem__(self, request: tuple[int, int | None]) -> Batch | PackedBatch | HumandataError:
        """The batch, or what is wrong: an error raised in a worker would come with its traceback as its message."""
        try:
            return self._read(*request)
        except HumandataError as failure:
            return failure

    def _read(self, batch_start: int, block: int | None) -> Batch | PackedBatch:
        if self._reader is None:
            self._mixture = read_mixture(self._path)
            self._sampler = MixtureSampler(self._mixture, self._share.seed)
            self._reader = BatchReader(self._mixture, self._path.parent, self._view)
            self._drawn: dict[int, Located] = {}
        numbers = self._samples(batch_start)
        if batch_start not in self._drawn:
            self._drawn = self._draw(batch_start)
        located = self._drawn.pop(batch_start)
        if block is None or self._blocks is None:
            return self._reader.read(located, numbers)
        arrays = self._blocks.arrays(block, len(numbers))
        return self._blocks.packed(block, len(numbers), self._reader.fill(arrays, located, numbers))

    def _samples(self, batch_start: int) -> IntArray:
        return rank_samples(batch_start, self._mixture.batch_size, self._share.rank, self._share.world_size)

    def _draw(self, batch_start: int) -> dict[int, Located]:
        """The steps of this batch and of those that this worker will be asked for next, by their first sample."""
        assert self._reader is not None, "samples are drawn for a reader"
        worker = get_worker_info()
        stride = self._mixture.batch_size * (worker.num_workers if worker else 1)
        num_batches = max(1, _DRAWN_AT_ONCE * self._share.world_size // self._mixture.batch_size)
        starts = [batch_start + stride * number for number in range(num_batches)]
        numbers = [self._samples(start) for start in starts]
        located = self._reader.index.locate(*self._sampler.samples(np.concatenate(numbers)))
        edges = np.cumsum([len(each) for each in numbers])[:-1]
        parts = zip(np.split(located.span, edges), np.split(located.step, edges), strict=True)
        return {start: Located(*part) for start, part in zip(starts, parts, strict=True)}


class _Requests(Sampler[tuple[int, int | None]]):
    """The first sample of each batch, without end, and the block it is to be put into where one is free."""

    def __init__(self, start: int, size: int, blocks: BatchBlocks | None) -> None:
        self._start, self._size, self._blocks = start, size, blocks

    def __iter__(self) -> Iterator[tuple[int, int | None]]:
        for start in count(self._start, self._size):
            yield start, self._blocks.take() if self._blocks else None


def _begin_worker(_worker: int) -> None:
    """Workers share the cores by being several, not by threads of their own, and leave Ctrl-C to their master."""
    import cv2
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    pa.set_cpu_count(1)
