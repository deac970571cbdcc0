"""KITTI odometry: the 12 numbers of T_world_camera's upper three rows a line, one line a frame, metres.

Geiger, Lenz and Urtasun, "Are we ready for Autonomous Driving?", CVPR 2012.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from humandata.camera_motion.formats.recorded import RecordedPath, check_order, parse_numbers, read_lines
from humandata.errors import InputError
from humandata.geometry.rotations import orthonormalize
from humandata.geometry.transforms import make_transform

_EXPECTED = "r11 r12 r13 tx r21 r22 r23 ty r31 r32 r33 tz"


def read(path: Path) -> RecordedPath:
    """The path in a KITTI file; raises InputError."""
    lines = list(read_lines(path))
    where = [place for place, _ in lines]
    rows = np.array([parse_numbers(place, text.split(), _EXPECTED) for place, text in lines]).reshape(-1, 3, 4)
    when = np.arange(len(rows), dtype=np.int64)
    check_order(path, where, when)
    R = orthonormalize(rows[:, :, :3])
    wrong = np.flatnonzero(np.abs(R - rows[:, :, :3]).max(axis=(1, 2)) > 0.01)
    if len(wrong):
        raise InputError(f"{where[wrong[0]]}: the first three columns of the 3x4 matrix are no rotation.")
    return RecordedPath(make_transform(R, rows[:, :, 3]), when, "frame", "arbitrary", metric=True)
