"""A media file that somebody else has opened, as PyAV reads it: within the fences nothing can be opened by name."""

from __future__ import annotations

import os
from typing import BinaryIO

import av
from av.container import InputContainer

from humandata.video.safety import OPEN_OPTIONS


class _Handed:
    """What PyAV asks of a file. An error is a negative number: an exception would come up at some later call."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self.name = name
        self._descriptor = file.fileno()

    def read(self, num_bytes: int) -> bytes:
        return os.read(self._descriptor, num_bytes)

    def seek(self, offset: int, whence: int) -> int:
        try:
            return os.lseek(self._descriptor, offset, whence)
        except OSError as error:
            return -(error.errno or 1)

    def tell(self) -> int:
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)


def open_container(file: BinaryIO, name: str) -> InputContainer:
    """Open a file as untrusted media from its beginning; the name only hints at the format. Raises FFmpegError."""
    file.seek(0)
    return av.open(_Handed(file, name), mode="r", options=OPEN_OPTIONS, metadata_errors="replace")
