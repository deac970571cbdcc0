"""COLMAP's `images.txt`: two lines an image, the first `IMAGE_ID QW QX QY QZ TX TY TZ CAMERA_ID NAME`, T_camera_world.

The number at the end of an image's name is that of its frame, so that images that were not registered may be absent.
Neither gravity nor scale is known. `images.bin` becomes text by `colmap model_converter --output_type TXT`.
"""

from __future__ import annotations

import re
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


def read(path: Path) -> RecordedPath:
    """The path in an images.txt; raises InputError."""
    rows: list[tuple[int, str, list[float]]] = []
    for place, text in _image_lines(path):
        words = text.split(maxsplit=9)
        values = parse_numbers(place, words[:9], _EXPECTED)
        digits = re.findall(r"\d+", Path(words[9]).stem) if len(words) > 9 else []
        if not digits:
            raise InputError(f"{place}: the image's name holds no number, so its frame is not known.")
        rows.append((int(digits[-1]), place, values))
    rows.sort()  # by frame: COLMAP lists images in any order
    where = [place for _, place, _ in rows]
    when = np.array([frame for frame, _, _ in rows], dtype=np.int64)
    check_order(path, where, when)
    table = np.array([values for _, _, values in rows])
    T_camera_world = transforms_from_xyzw(where, table[:, 5:8], np.roll(table[:, 1:5], -1, axis=1))
    return RecordedPath(invert(T_camera_world), when, "frame", "arbitrary", metric=False)


def _image_lines(path: Path) -> list[tuple[str, str]]:
    """Every other line after the comments; the lines between hold an image's points, and may be empty."""
    check_size(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as failure:
        raise InputError(f"{path}: cannot be read as text ({failure}).") from None
    content = [(f"{path}:{number}", text) for number, text in enumerate(lines, start=1) if not text.startswith("#")]
    return [(place, text) for place, text in content[::2] if text.strip()]
