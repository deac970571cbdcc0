"""Motion from one step to the next, as several rules measure it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from humandata.arrays import FloatArray
from humandata.filters.filter import Candidate
from humandata.geometry.rotations import angle_between
from humandata.schemas.episode import ArmTrack


def step_speeds(candidate: Candidate) -> list[FloatArray]:
    """Speeds (T-1,) of the EE of each arm in m/s; NaN where either step is not valid."""
    return [np.asarray(_step_lengths(arm) / _step_seconds(candidate)) for arm in candidate.arms.values()]


def step_angular_speeds(candidate: Candidate) -> list[FloatArray]:
    """Angular speeds (T-1,) of the EE of each arm in rad/s; NaN where either step is not valid."""
    return [np.asarray(_step_angles(arm) / _step_seconds(candidate)) for arm in candidate.arms.values()]


def worst_share(values: Iterable[FloatArray], limit: float) -> float:
    """The largest share, over the arms, of the finite values that exceed the limit; NaN where no value is finite."""
    finite = [array[np.isfinite(array)] for array in values]
    return max((float((array > limit).mean()) for array in finite if len(array)), default=float("nan"))


def _step_seconds(candidate: Candidate) -> FloatArray:
    return np.asarray(np.diff(candidate.timestamp_ns) / 1e9)


def _step_lengths(arm: ArmTrack) -> FloatArray:
    return np.asarray(np.linalg.norm(np.diff(arm.T_world_ee[:, :3, 3], axis=0), axis=-1))


def _step_angles(arm: ArmTrack) -> FloatArray:
    return angle_between(arm.T_world_ee[:-1, :3, :3], arm.T_world_ee[1:, :3, :3])
