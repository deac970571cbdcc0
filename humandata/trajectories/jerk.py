"""How smooth a motion is: the third derivative of position."""

from __future__ import annotations

import numpy as np

from humandata.arrays import FloatArray, IntArray


def jerk_m_s3(timestamp_ns: IntArray, positions: FloatArray) -> FloatArray:
    """Magnitude (M,) of the third derivative of positions (T, 3) in metres, wherever four frames in a row are known."""
    seconds = timestamp_ns / 1e9
    value, middle = positions, seconds
    for _ in range(3):
        step = np.diff(middle)
        value = np.diff(value, axis=0) / step[:, None]
        middle = (middle[1:] + middle[:-1]) / 2.0
    jerk = np.linalg.norm(value, axis=1)
    return np.asarray(jerk[np.isfinite(jerk)])
