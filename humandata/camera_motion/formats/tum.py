"""TUM: `timestamp tx ty tz qx qy qz qw` a line, T_world_camera, seconds and metres.

Sturm et al., "A Benchmark for the Evaluation of RGB-D SLAM Systems", IROS 2012; written by ORB-SLAM, DROID-SLAM, evo.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from humandata.camera_motion.formats.recorded import (
    RecordedPath,
    check_order,
    parse_numbers,
    read_lines,
    transforms_from_xyzw,
)

_EXPECTED = "timestamp tx ty tz qx qy qz qw"


def read(path: Path) -> RecordedPath:
    """The path in a TUM file; raises InputError."""
    lines = list(read_lines(path))
    where = [place for place, _ in lines]
    rows = np.array([parse_numbers(place, text.split(), _EXPECTED) for place, text in lines]).reshape(-1, 8)
    # A Unix time in seconds as a float is good to a quarter of a microsecond.
    when = np.round(rows[:, 0] * 1e9).astype(np.int64)
    check_order(path, where, when)
    T_world_camera = transforms_from_xyzw(where, rows[:, 1:4], rows[:, 4:])
    return RecordedPath(T_world_camera, when, "ns", "arbitrary", metric=True)
