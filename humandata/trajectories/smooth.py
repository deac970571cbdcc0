"""Zero-lag smoothing over true timestamps, and the rejection of frames that cannot be."""

from __future__ import annotations

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.rotations import angle_between, orthonormalize
from humandata.schemas.documents import Document
from humandata.schemas.landmarks import Side
from humandata.trajectories.missing import known_steps

_NORMAL_MAD = 1.4826
"""Standard deviations per median absolute deviation, of normally distributed errors."""


class OutlierSettings(Document):
    """The recipe's section `outliers`: how far a frame may lie from the median of the frames around it."""

    window: PositiveInt = Field(default=7, description="frames, as in EgoZero")
    sigmas: PositiveFloat = Field(default=4.0, description="robust standard deviations within the window")
    min_position_m: PositiveFloat = Field(default=0.05, description="less than this is never an outlier")
    min_angle_rad: PositiveFloat = Field(default=0.6, description="less than this is never an outlier")


class SmoothSettings(Document):
    """The recipe's section `smooth`."""

    window_s: NonNegativeFloat = Field(
        default=0.4,
        description="half of it on either side; 0 leaves the track alone. On the studio's clips the error of position "
        "is the same from 0 to 1 s, that of motion over 1 s grows by 3 % from 0 to 1 s, and the jerk falls from 41 "
        "through 18 at 0.4 to 4 m/s3 at 1 s; the true motion's is 1.5",
    )


def outliers(landmarks: FloatArray, side: Side, settings: OutlierSettings) -> BoolArray:
    """(N,) frames of landmarks (N, 21, 3) whose palm is nowhere near where the frames around it put it.

    Hampel's rule on the palm's position and on its rotation: further from the median of the window than `sigmas` of
    its robust deviations. Missing frames (NaN) are passed over, both as judged and as neighbours.
    """
    found = np.zeros(len(landmarks), dtype=bool)
    known = np.flatnonzero(known_steps(landmarks))
    if len(known) < settings.window:
        return found
    T_palm = palm_frame(landmarks[known], side)
    half = settings.window // 2
    around = np.clip(np.arange(len(known))[:, None] + np.arange(-half, half + 1), 0, len(known) - 1)
    positions, rotations = T_palm[around, :3, 3], T_palm[around, :3, :3]
    middle = np.median(positions, axis=1)
    R_middle = orthonormalize(np.median(rotations, axis=1))
    far = np.linalg.norm(positions - middle[:, None], axis=-1)
    turned = angle_between(R_middle[:, None], rotations)
    for deviation, floor in ((far, settings.min_position_m), (turned, settings.min_angle_rad)):
        limit = np.maximum(settings.sigmas * _NORMAL_MAD * np.median(deviation, axis=1), floor)
        found[known] |= deviation[:, half] > limit
    return found


def smooth(timestamp_ns: IntArray, values: FloatArray, settings: SmoothSettings) -> FloatArray:
    """Values (N, ...) smoothed without lag along the first axis; NaN stays NaN, and nothing is smoothed across it.

    At each frame, the value there of a parabola fitted to the window by least squares (Savitzky and Golay, 1964), with
    tricube weights and at the frames' true times, so that uneven timestamps do no harm. A motion of constant
    acceleration passes unchanged.
    """
    flat = values.reshape(len(values), -1)
    known = known_steps(flat)
    smoothed = flat.copy()
    half_s = settings.window_s / 2.0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        seconds = (timestamp_ns[start:stop] - timestamp_ns[start]) / 1e9
        smoothed[start:stop] = _smooth_run(seconds, flat[start:stop], half_s)
    return smoothed.reshape(values.shape)


def _smooth_run(seconds: FloatArray, values: FloatArray, half_s: float) -> FloatArray:
    """Values (M, D) at increasing `seconds` (M,), smoothed where a window holds at least 4 of them."""
    first = np.searchsorted(seconds, seconds - half_s, side="left")
    last = np.searchsorted(seconds, seconds + half_s, side="right")
    width = int((last - first).max())
    indices = first[:, None] + np.arange(width)
    inside = indices < last[:, None]
    indices = np.minimum(indices, len(seconds) - 1)
    offset = np.where(inside, (seconds[indices] - seconds[:, None]) / max(half_s, 1e-9), 0.0)
    weight = np.where(inside, (1.0 - np.abs(offset / 1.01) ** 3) ** 3, 0.0)
    design = np.stack([np.ones_like(offset), offset, offset**2], axis=-1)
    enough = inside.sum(axis=1) >= 4
    smoothed = values.copy()
    if enough.any():
        weighted = design[enough] * weight[enough, :, None]
        normal = np.swapaxes(weighted, 1, 2) @ design[enough]
        moments = np.swapaxes(weighted, 1, 2) @ values[indices[enough]]
        smoothed[enough] = np.linalg.solve(normal, moments)[:, 0]
    return smoothed
