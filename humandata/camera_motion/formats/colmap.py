"""COLMAP's `images.txt`: two lines an image, the first `IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME`, T_camera_world.

The number at the end of an image's name is that of its frame, so that images that were not registered may be absent.
Neither gravity nor scale is known. A file that ends in `.bin` is read as `images.bin`, which holds the same numbers:
https://colmap.github.io/format.html
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from humandata.camera_motion.formats.recorded import (
    RecordedPath,
    check_order,
    check_size,
    parse_numbers,
    transforms_from_xyzw,
)
from humandata.errors import InputError
from humandata.geometry.transforms import invert

_EXPECTED = "IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID"


_COUNT = struct.Struct("<Q")
_IMAGE = struct.Struct("<I7dI")
_POINT_BYTES = 24


def read(path: Path) -> RecordedPath:
    """The path in an images.txt or images.bin; raises InputError."""
    check_size(path)
    # By frame: COLMAP lists images in any order.
    images = sorted(_binary_images(path) if path.suffix == ".bin" else _text_images(path))
    where = [place for _, place, _ in images]
    when = np.array([frame for frame, _, _ in images], dtype=np.int64)
    check_order(path, where, when)
    poses = np.array([pose for _, _, pose in images])
    T_camera_world = transforms_from_xyzw(where, poses[:, 4:], np.roll(poses[:, :4], -1, axis=1))
    return RecordedPath(invert(T_camera_world), when, "frame", "arbitrary", metric=False)


def _text_images(path: Path) -> Iterator[tuple[int, str, list[float]]]:
    """Frame, place in the file, and qw qx qy qz tx ty tz of every image."""
    for place, text in _image_lines(path):
        words = text.split(maxsplit=9)
        values = parse_numbers(place, words[:9], _EXPECTED)
        yield _frame_number(place, words[9] if len(words) > 9 else ""), place, values[1:8]


def _binary_images(path: Path) -> Iterator[tuple[int, str, list[float]]]:
    """The same of a binary file, whose images' points are skipped."""
    try:
        content = path.read_bytes()
    except OSError as failure:
        raise InputError(f"{path}: cannot be read ({failure.strerror}).") from None
    try:
        [count] = _COUNT.unpack_from(content)
        offset = _COUNT.size
        for index in range(count):
            place = f"{path}: image {index}"
            _, *pose, _ = _IMAGE.unpack_from(content, offset)
            start = offset + _IMAGE.size
            end = content.index(0, start)
            [num_points] = _COUNT.unpack_from(content, end + 1)
            offset = end + 1 + _COUNT.size + num_points * _POINT_BYTES
            words = [repr(number) for number in pose]
            yield (
                _frame_number(place, content[start:end].decode("utf-8", errors="replace")),
                place,
                parse_numbers(place, words, "QW QX QY QZ TX TY TZ"),
            )
    except (struct.error, ValueError, OverflowError):
        raise InputError(f"{path}: ends within an image, or is no images.bin of COLMAP's.") from None


def _frame_number(place: str, name: str) -> int:
    digits = re.findall(r"\d+", Path(name).stem)
    if not digits or len(digits[-1]) > 12:
        raise InputError(f"{place}: the image's name holds no number, so its frame is not known.")
    return int(digits[-1])


def _image_lines(path: Path) -> list[tuple[str, str]]:
    """Every other line after the comments; the lines between hold an image's points, and may be empty."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as failure:
        raise InputError(f"{path}: cannot be read as text ({failure}).") from None
    content = [(f"{path}:{number}", text) for number, text in enumerate(lines, start=1) if not text.startswith("#")]
    return [(place, text) for place, text in content[::2] if text.strip()]
