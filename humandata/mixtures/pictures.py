"""The pictures of a batch: where their bytes lie, and how they become squares."""

from __future__ import annotations

import os
from collections import OrderedDict

from humandata.arrays import Image
from humandata.errors import DatasetError
from humandata.schemas.mixture import ImageFit
from humandata.video.images import resize

_MAX_OPEN_FILES = 128
"""A process may have 1024, and workers have others besides."""


class ImageFiles:
    """Reads encoded pictures of files on this machine; those that were read last stay open."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, int] = OrderedDict()

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a file; DatasetError where it is gone or shorter."""
        try:
            content = os.pread(self._descriptor(path), length, offset)
        except OSError as failure:
            raise DatasetError(f"{path}: cannot be read ({failure.strerror}). Bring the shard back.") from None
        if len(content) < length:
            raise DatasetError(f"{path}: ends too early. `humandata validate` lists what is wrong.")
        return content

    def __del__(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)

    def _descriptor(self, path: str) -> int:
        if path in self._open:
            self._open.move_to_end(path)
        else:
            if len(self._open) == _MAX_OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
            self._open[path] = os.open(path, os.O_RDONLY)
        return self._open[path]


def fit_image(image: Image, square: Image, fit: ImageFit) -> None:
    """Write a picture (H, W, 3) into a square (S, S, 3): stretched, or whole and centred between black bars
    (`letterbox`)."""
    size_px = len(square)
    if fit == "resize" or image.shape[0] == image.shape[1]:
        square[:] = resize(image, size_px, size_px)
        return
    height, width = image.shape[:2]
    scale = size_px / max(height, width)
    inner = resize(image, max(1, round(width * scale)), max(1, round(height * scale)))
    top, left = (size_px - inner.shape[0]) // 2, (size_px - inner.shape[1]) // 2
    square[:top], square[top + inner.shape[0] :] = 0, 0
    square[:, :left], square[:, left + inner.shape[1] :] = 0, 0
    square[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
