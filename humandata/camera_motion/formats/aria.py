"""Project Aria's machine perception: `closed_loop_trajectory.csv`, T_world_device and gravity, microseconds, metres.

https://facebookresearch.github.io/projectaria_tools/docs/data_formats/mps/slam/mps_trajectory
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from humandata.arrays import FloatArray
from humandata.camera_motion.formats.recorded import (
    RecordedPath,
    check_order,
    parse_numbers,
    read_lines,
    transforms_from_xyzw,
)
from humandata.errors import InputError
from humandata.geometry.transforms import make_transform

_POSE = (
    "tx_world_device ty_world_device tz_world_device qx_world_device qy_world_device qz_world_device qw_world_device"
)
_GRAVITY = "gravity_x_world gravity_y_world gravity_z_world"
_TIME = "tracking_timestamp_us"


def read(path: Path) -> RecordedPath:
    """The path of the device in a closed-loop trajectory; raises InputError."""
    lines = iter(read_lines(path))
    header = next(lines, None)
    columns = next(csv.reader([header[1]])) if header else []
    wanted = [_TIME, *_POSE.split(), *_GRAVITY.split()]
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise InputError(f"{path}:1: no column '{missing[0]}', as Aria's closed_loop_trajectory.csv has.")
    wanted_at = [columns.index(name) for name in wanted]
    where: list[str] = []
    rows: list[list[float]] = []
    for place, text in lines:
        words = text.split(",")
        where.append(place)
        rows.append(parse_numbers(place, [words[at] for at in wanted_at if at < len(words)], " ".join(wanted)))
    table = np.array(rows).reshape(-1, len(wanted))
    when = np.round(table[:, 0] * 1e3).astype(np.int64)
    check_order(path, where, when)
    T_world_device = transforms_from_xyzw(where, table[:, 1:4], table[:, 4:8])
    return RecordedPath(
        _upright(table[:, 8:].mean(axis=0)) @ T_world_device, when, "ns", "gravity", metric=True, body="device"
    )


def _upright(gravity: FloatArray) -> FloatArray:
    """The transform (4, 4) that turns gravity (3,) down along z; the identity in files that Aria writes."""
    down = gravity / max(float(np.linalg.norm(gravity)), 1e-9)
    rotation, _ = Rotation.align_vectors([[0.0, 0.0, -1.0]], [down])
    return make_transform(rotation.as_matrix(), np.zeros(3))
