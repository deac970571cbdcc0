"""Files that hold a camera's path: one module a format, each with a function `read(path) -> RecordedPath`."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from humandata.schemas.sidecar import PathFormat

if TYPE_CHECKING:
    from humandata.camera_motion.formats.recorded import RecordedPath

PATH_FORMATS: dict[PathFormat, str] = {
    "tum": "humandata.camera_motion.formats.tum:read",
    "kitti": "humandata.camera_motion.formats.kitti:read",
    "colmap": "humandata.camera_motion.formats.colmap:read",
    "record3d": "humandata.camera_motion.formats.record3d:read",
    "aria": "humandata.camera_motion.formats.aria:read",
}

SUFFIXES: dict[str, PathFormat] = {
    ".tum.txt": "tum",
    ".kitti.txt": "kitti",
    ".colmap.txt": "colmap",
    ".colmap.bin": "colmap",
    ".record3d.json": "record3d",
    ".aria.csv": "aria",
}
"""A file beside `lift.mp4` called `lift.tum.txt` needs no word in the sidecar."""


def read_recorded(path: Path, name: PathFormat) -> RecordedPath:
    """The path in a file of the named format; raises InputError that names the file and the line."""
    module, attribute = PATH_FORMATS[name].split(":")
    read: Callable[[Path], RecordedPath] = getattr(import_module(module), attribute)
    return read(path)
