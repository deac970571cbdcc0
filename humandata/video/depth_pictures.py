"""Depth maps and times out of media. Runs within the fences (`helper_program`), on a file that is already open."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO

import av
import numpy as np
from numpy.typing import NDArray

from humandata.arrays import IntArray
from humandata.errors import InputError
from humandata.video.fence import allow_memory
from humandata.video.handed_file import open_container
from humandata.video.safety import MAX_PIXELS

_GREY_FORMATS = frozenset({"gray10le", "gray12le", "gray14le", "gray16le", "gray16be"})
_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
MAX_PNG_BYTES = 4 * MAX_PIXELS
"""Of 16 bits a pixel that do not compress, twice over."""


def packet_times(file: BinaryIO, name: str) -> IntArray:
    """Presentation times in ns of a video's frames, in order of decoding, without decoding one. Raises InputError."""
    try:
        with open_container(file, name) as container:
            if not container.streams.video:
                raise InputError("no video stream.")
            stream = container.streams.video[0]
            times = [
                round(packet.pts * packet.time_base * 10**9)
                for packet in container.demux(stream)
                if packet.pts is not None and not packet.is_discard
            ]
    except av.error.FFmpegError as failure:
        raise InputError(f"not a readable video ({failure.strerror}).") from None
    return np.array(times, dtype=np.int64)


def grey_pictures(file: BinaryIO, name: str) -> Iterator[NDArray[Any]]:
    """The pictures (H, W) of a lossless video of 10 to 16-bit grey, as they are stored. Raises InputError."""
    try:
        with open_container(file, name) as container:
            if not container.streams.video:
                raise InputError("no video stream.")
            stream = container.streams.video[0]
            allow_memory(stream.width * stream.height)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            for frame in container.decode(stream):
                if frame.format.name not in _GREY_FORMATS:
                    raise InputError(
                        f"its pictures are {frame.format.name}; depth needs lossless grey of 10 to 16 bits (FFV1 with "
                        "gray16le)."
                    )
                yield frame.to_ndarray()
    except av.error.FFmpegError as failure:
        raise InputError(f"cannot be decoded ({failure.strerror}).") from None


def png_picture(file: BinaryIO) -> NDArray[Any]:
    """The picture (H, W) uint16 of a grey PNG, whose header must state a size that is accepted. Raises InputError."""
    import cv2

    head = file.read(24)
    if not head.startswith(_PNG_HEAD) or len(head) < 24:
        raise InputError("not a PNG.")
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if not 0 < width * height <= MAX_PIXELS:
        raise InputError(f"states {width}x{height} pixels, more than the {MAX_PIXELS:,} accepted.")
    allow_memory(width * height)
    data = head + file.read(MAX_PNG_BYTES)
    image = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None or image.dtype != np.uint16 or image.ndim != 2:
        found = "broken" if image is None else f"{image.dtype}, shape {image.shape}"
        raise InputError(f"expected a 16-bit grey PNG, found {found}.")
    return np.asarray(image)
