"""Encoded pictures put aside on disk until it is known which are wanted, so that memory does not grow with a video."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from humandata.arrays import IntArray


class Pictures(Protocol):
    """Encoded pictures by their numbers, from 0."""

    def read(self, index: int) -> bytes:
        """The picture of that number."""
        ...


class PictureSpool:
    """Append-only store of byte strings in a temporary file; a context manager, and the file goes with it."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(prefix="humandata-")  # noqa: SIM115  # closed by __exit__
        self._spans: list[tuple[int, int]] = []
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, picture: bytes) -> int:
        """Put one more picture at the end; its number, from 0."""
        self._file.write(picture)
        self._spans.append((self._size, len(picture)))
        self._size += len(picture)
        return len(self._spans) - 1

    def clear(self) -> None:
        """Throw all pictures away."""
        self._file.seek(0)
        self._file.truncate()
        self._spans.clear()
        self._size = 0

    def read(self, index: int) -> bytes:
        """The picture that was put there as number `index`, from 0."""
        start, length = self._spans[index]
        self._file.seek(start)
        picture = self._file.read(length)
        self._file.seek(0, 2)
        return picture


class PictureFiles:
    """Pictures that lie one behind the other in files; a context manager. The numbers go on from file to file."""

    def __init__(self, files: Sequence[tuple[Path, IntArray]]) -> None:
        """Each file with the offsets (P + 1,) of its P pictures."""
        self._descriptors = [os.open(path, os.O_RDONLY) for path, _ in files]
        self._offsets = [offsets for _, offsets in files]
        self._first = np.cumsum([0, *(len(offsets) - 1 for _, offsets in files)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)

    def read(self, index: int) -> bytes:
        """The picture of that number."""
        file = int(np.searchsorted(self._first, index, side="right")) - 1
        start, stop = self._offsets[file][index - self._first[file] :][:2].tolist()
        return os.pread(self._descriptors[file], stop - start, start)
