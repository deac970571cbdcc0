"""Opening a media file that nobody vouches for.

A file's name says nothing of its content: an `ffconcat` script or an HLS playlist called `clip.mp4` makes FFmpeg open
other files and URLs. Three fences, used for PyAV and for the ffmpeg program alike: only these container formats, only
the `file` protocol, and the `file:` prefix, which also makes a name such as `-i.mp4` or `a:b.mp4` harmless.
"""

from __future__ import annotations

import stat
from pathlib import Path
from typing import BinaryIO, cast

from humandata.errors import InputError

VIDEO_EXTENSIONS = frozenset(
    {".3gp", ".avi", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".ts", ".webm"}
)

MAX_PIXELS = 8192 * 8192
"""Largest frame accepted: 8K video is half of it, an 11520x5760 panorama just under it."""

OPEN_OPTIONS = {
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg",
    "protocol_whitelist": "file",
    "max_pixels": str(MAX_PIXELS),
}
"""FFmpeg input options that every opening of an untrusted file uses."""


def media_url(path: Path) -> str:
    """The path as FFmpeg takes it literally: absolute, behind the `file:` prefix."""
    return f"file:{path.absolute()}"


def check_regular(path: Path) -> int:
    """The size in bytes of a file that is no folder, device or pipe: opening a pipe would wait for who writes into it.

    Raises:
        InputError: the path is missing, a dangling link, a folder, a device or pipe, or in a folder that is locked.
    """
    try:
        status = path.stat()
    except FileNotFoundError as error:
        reason = "a link to a file that does not exist" if path.is_symlink() else "no such file"
        raise InputError(f"{path}: {reason}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except ValueError as error:  # a NUL byte in the name
        raise InputError(f"{str(path)!r}: not a valid file name ({error})") from error
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{path}: not a regular file")
    return status.st_size


def open_regular(path: Path) -> BinaryIO:
    """Open a regular, readable, non-empty file, unbuffered; raises InputError where it is none."""
    if not check_regular(path):
        raise InputError(f"{path}: the file is empty")
    try:
        return cast("BinaryIO", path.open("rb", buffering=0))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def check_readable(path: Path) -> None:
    """Read the first byte of a file; raises what `open_regular` does, and where reading fails."""
    with open_regular(path) as file:
        try:
            file.read(1)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error


def looks_like_text(head: bytes) -> bool:
    """Whether the first bytes of a file are UTF-8 text; a letter cut at the end does not count against it."""
    if b"\0" in head:
        return False
    try:
        head.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True
