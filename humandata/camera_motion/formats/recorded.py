"""What a file of poses holds, whatever its format, and what the readers share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.errors import InputError
from humandata.geometry.rotations import wxyz_from_xyzw
from humandata.geometry.transforms import transform_from_position_wxyz

MAX_BYTES = 1 << 29
"""A larger file is none of poses: an hour of Aria's, a thousand a second, is a fifth of a gigabyte."""


@dataclass(frozen=True)
class RecordedPath:
    """K >= 1 poses, in order of time."""

    T_world_body: FloatArray
    """(K, 4, 4); the body is the camera with OpenCV's axes, or the device where `body` says so."""
    when: IntArray
    """(K,) strictly increasing: nanoseconds or numbers of frames."""
    clock: Literal["ns", "frame"]
    world: Literal["gravity", "arbitrary"]
    """gravity: z points up."""
    metric: bool
    body: Literal["camera", "device"] = "camera"


def read_lines(path: Path) -> Iterator[tuple[str, str]]:
    """Place (`file:line`) and text of every line that is neither empty nor a comment (#); raises InputError."""
    check_size(path)
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                text = line.strip()
                if text and not text.startswith("#"):
                    yield f"{path}:{number}", text
    except (OSError, UnicodeDecodeError) as failure:
        raise InputError(f"{path}: cannot be read as text ({failure}).") from None


def check_size(path: Path) -> None:
    """Raises InputError where the file is absent or too large to be one of poses."""
    try:
        size = path.stat().st_size
    except OSError as failure:
        raise InputError(f"{path}: cannot be read ({failure.strerror}).") from None
    if size > MAX_BYTES:
        raise InputError(f"{path}: {size >> 20} MB are no file of camera poses.")


def parse_numbers(where: str, words: Sequence[str], expected: str) -> list[float]:
    """The numbers that words spell; `expected` names them, separated by spaces. InputError says where they are."""
    count = len(expected.split())
    if len(words) != count:
        raise InputError(f"{where}: expected {count} numbers ({expected}), found {len(words)}.")
    try:
        numbers = [float(word) for word in words]
    except ValueError as failure:
        raise InputError(f"{where}: {failure}; expected {expected}.") from None
    if not np.isfinite(numbers).all():
        raise InputError(f"{where}: a number is not finite; expected {expected}.")
    return numbers


def transforms_from_xyzw(where: Sequence[str], position: FloatArray, xyzw: FloatArray) -> FloatArray:
    """Transforms (K, 4, 4) of positions (K, 3) and quaternions (K, 4), read from the K places `where`."""
    length = np.linalg.norm(xyzw, axis=-1)
    wrong = np.flatnonzero(np.abs(length - 1.0) > 0.01)
    if len(wrong):
        raise InputError(f"{where[wrong[0]]}: a quaternion of length {length[wrong[0]]:.3g}, which must be 1.")
    return transform_from_position_wxyz(position, wxyz_from_xyzw(xyzw))


def check_order(path: Path, where: Sequence[str], when: IntArray) -> None:
    """Raises InputError where there is no pose, or one is not later than the one before it."""
    if len(when) == 0:
        raise InputError(f"{path}: holds no camera pose.")
    wrong = np.flatnonzero(np.diff(when) <= 0)
    if len(wrong):
        raise InputError(f"{where[wrong[0] + 1]}: not later than the pose before it.")
