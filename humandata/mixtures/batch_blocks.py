"""Memory that batches come to the main process in, without being copied, and that is used again when they are gone.

Fresh memory costs more than decoding into it leaves to spare: the system clears and maps each of its pages, in the
worker and once more in the main process. A block that was used before costs nothing.
"""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from humandata.mixtures.batch import Arrays, Batch, BatchLayout

_numbers = itertools.count()
_POOLS: weakref.WeakValueDictionary[int, BatchBlocks] = weakref.WeakValueDictionary()


class BatchBlocks:
    """A pool of blocks, each for a batch, made by the main process before its workers begin.

    The main process takes a block and names it to a worker, which fills it. When the last tensor of the batch in it is
    gone, the block is free again.
    """

    def __init__(self, num_blocks: int, layout: BatchLayout, size: int) -> None:
        """Blocks for batches of up to `size` samples; their pages come into being when they are first written."""
        self.layout = layout
        self._num_bytes = layout.num_bytes(size)
        storage = torch.UntypedStorage._new_shared(max(1, num_blocks * self._num_bytes))  # type: ignore[no-untyped-call]
        self._bytes = torch.empty(0, dtype=torch.uint8).set_(storage)
        self._free = deque(range(num_blocks))
        self._key = next(_numbers)
        _POOLS[self._key] = self

    def take(self) -> int | None:
        """A free block; None where all are in use."""
        return self._free.popleft() if self._free else None

    def arrays(self, block: int, size: int) -> Arrays:
        """The arrays of a batch in a block, to be filled."""
        return self.layout.arrays(self._memory(block), size)

    def packed(self, block: int, size: int, texts: Sequence[str]) -> PackedBatch:
        """How a worker tells of a block it has filled."""
        return PackedBatch(self._key, block, size, tuple(texts))

    def unpack(self, packed: PackedBatch) -> Batch:
        """The batch in a block, which is free again when nothing looks at it any more."""
        loan = _Loan(self._memory(packed.block))
        weakref.finalize(loan, self._free.append, packed.block)
        return self.layout.batch(self.layout.arrays(np.asarray(loan), packed.size), packed.texts)

    def _memory(self, block: int) -> NDArray[np.uint8]:
        start = block * self._num_bytes
        memory: NDArray[np.uint8] = self._bytes[start : start + self._num_bytes].numpy()
        return memory


@dataclass(frozen=True)
class PackedBatch:
    """A batch that lies in a block: what goes from a worker to the main process."""

    pool: int
    block: int
    size: int
    texts: tuple[str, ...]

    def unpack(self) -> Batch:
        """The batch, in the process that made the pool."""
        return _POOLS[self.pool].unpack(self)

    def pin_memory(self) -> Batch:
        """What torch's loader calls, in a thread of its own, where memory is to be pinned."""
        return self.unpack().pin_memory()


class _Loan:
    """What the arrays of a block keep alive: of arrays that look at arrays NumPy leaves out those between."""

    def __init__(self, memory: NDArray[np.uint8]) -> None:
        self._memory = memory
        self.__array_interface__ = memory.__array_interface__
