"""Record3D's metadata JSON, which holds ARKit's poses: `poses`, a row `[qx, qy, qz, qw, tx, ty, tz]` a frame, metres.

ARKit's world has y up; its camera looks along -z, x right and y up. Both are turned here: z up, and OpenCV's axes.
"""

from __future__ import annotations

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
from humandata.geometry.transforms import make_transform
from humandata.schemas.documents import read_json

T_GRAVITY_ARKIT = make_transform([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]], np.zeros(3))
"""ARKit's y becomes z."""

T_ARKIT_CAMERA = make_transform(np.diag([1.0, -1.0, -1.0]), np.zeros(3))
"""OpenCV's camera axes in those of ARKit's camera."""


def read(path: Path) -> RecordedPath:
    """The path in a Record3D metadata file; raises InputError."""
    check_size(path)
    content = read_json(path)
    poses = content.get("poses") if isinstance(content, dict) else None
    if not isinstance(poses, list):
        raise InputError(f"{path}: no list 'poses', as Record3D's metadata has.")
    where = [f"{path}: pose {index}" for index in range(len(poses))]
    rows = np.array([_row(place, pose) for place, pose in zip(where, poses, strict=True)]).reshape(-1, 7)
    when = np.arange(len(rows), dtype=np.int64)
    check_order(path, where, when)
    T_world_camera = transforms_from_xyzw(where, rows[:, 4:], rows[:, :4])
    return RecordedPath(T_GRAVITY_ARKIT @ T_world_camera @ T_ARKIT_CAMERA, when, "frame", "gravity", metric=True)


def _row(where: str, pose: object) -> list[float]:
    words = [str(number) for number in pose] if isinstance(pose, list) else []
    return parse_numbers(where, words, "qx qy qz qw tx ty tz")
