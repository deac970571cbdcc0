"""Encoded pictures put aside on disk until it is known which are wanted, so that memory does not grow with a video."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import Self


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

    def read(self, index: int) -> bytes:
        """The picture that was put there as number `index`, from 0."""
        start, length = self._spans[index]
        self._file.seek(start)
        picture = self._file.read(length)
        self._file.seek(0, 2)
        return picture
