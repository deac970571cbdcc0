"""What a video file says of itself, checked by decoding its first frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from humandata.errors import InputError
from humandata.video.helper import ask
from humandata.video.safety import check_readable

HDR_TRANSFERS = frozenset({"smpte2084", "arib-std-b67"})
"""Transfer functions of HDR10 (PQ) and of HLG, which phones record: washed out unless tone-mapped."""


@dataclass(frozen=True)
class VideoInfo:
    """Facts of the first real video stream of a file (a cover picture is not one)."""

    width: int
    """Pixels as displayed: square, after rotation."""
    height: int
    rotation_deg: int
    """Clockwise turn from the stored picture to the displayed one, in [0, 360)."""
    average_rate_hz: float | None
    start_ns: int | None
    """The container's own time of the first frame; not always zero."""
    duration_ns: int | None
    """As declared; the file may end earlier."""
    container: str
    codec: str
    pixel_format: str
    color_transfer: str
    num_video_streams: int
    metadata: Mapping[str, str]
    """Of the file, the stream, and the tracks of an MP4 or MOV."""

    @property
    def is_hdr(self) -> bool:
        """Whether the pictures need tone mapping to be viewed as ordinary (BT.709) ones."""
        return self.color_transfer in HDR_TRANSFERS

    @property
    def end_ns(self) -> int | None:
        """The container's own time of the end, as declared."""
        return None if self.duration_ns is None else (self.start_ns or 0) + self.duration_ns


def probe(path: Path) -> VideoInfo:
    """Have a file opened as untrusted media, its first frame decoded, and be told what it is.

    Raises:
        InputError: the file is missing, empty, no video, without any frame that decodes, or too large a picture; or
            the program that looks into it crashed or hung.
    """
    check_readable(path)
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise InputError(f"{str(path)!r}: the name is not valid UTF-8; rename the file") from error
    said = ask("describe", path).header.get("info")
    try:
        return _video_info().validate_python(said)
    except ValidationError as error:
        raise InputError(f"{path}: the program that looked into it gave no answer that makes sense") from error


@cache
def _video_info() -> TypeAdapter[VideoInfo]:
    return TypeAdapter(VideoInfo)
