"""What was seen of a hand over some frames, and how far from it a pose is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from humandata.arrays import FloatArray, IntArray

HUBER = 1.0
"""Standard deviations beyond which a residual counts by its size and no longer by its square."""

LANDMARK_WEIGHT = np.ones((21, 1))
LANDMARK_WEIGHT[0] = 0.5
LANDMARK_WEIGHT[[5, 9, 13, 17]] = 2.0 / 3.0
LANDMARK_WEIGHT[[3, 7]] = 1.5
LANDMARK_WEIGHT[[4, 8]] = 2.0
"""Nothing on the skin marks the wrist and the knuckles as sharply as a fingertip; thumb and index are hidden least, and
the aperture between them matters most."""

_NEAREST_M = 1e-2
"""What lies nearer than this is projected as if it were this far."""


@dataclass(frozen=True)
class Evidence:
    """What was seen of a right hand (a left one is mirrored first) over N frames, which come last."""

    seconds: FloatArray
    """(N,) increasing."""
    rays: FloatArray
    """(2, 21, N) x / z and y / z of the landmarks."""
    rays_sigma: FloatArray
    """(N,) of the coordinates of a landmark."""
    bone_slopes: FloatArray
    """(20, N) z of the unit vector along each of `HAND_BONES`: how much it points away from the camera."""
    bone_slope_sigma: FloatArray
    """(N,)."""
    depth_m: FloatArray
    """(21, N) z of the landmarks, NaN where it was not measured."""
    depth_sigma_m: FloatArray
    """(N,)."""

    def take(self, frames: IntArray | slice) -> Evidence:
        """The same for some of the frames."""
        return Evidence(*(getattr(self, name.name)[..., frames] for name in fields(Evidence)))


def concatenate(parts: Sequence[Evidence], gap_s: float) -> Evidence:
    """One part after the other, each `gap_s` after the one before."""
    seconds: list[FloatArray] = []
    for part in parts:
        start = seconds[-1][-1] + gap_s if seconds else part.seconds[0]
        seconds.append(part.seconds - part.seconds[0] + start)
    return Evidence(
        np.concatenate(seconds),
        *(
            np.concatenate([getattr(part, name.name) for part in parts], axis=-1)
            for name in fields(Evidence)
            if name.name != "seconds"
        ),
    )


def misfit(seen: Evidence, points: FloatArray) -> float:
    """Sum over all that was seen of the squares of how far landmarks (3, 21, N) are from it, tempered by Huber."""
    return sum(float(_huber(residual).sum()) for residual in _residuals(seen, points))


def equations(seen: Evidence, points: FloatArray, by: FloatArray) -> tuple[FloatArray, FloatArray]:
    """How far landmarks (3, 21, N) are from what was seen, linearised and weighted for robustness.

    `by` (3, C, 5, 4, N) are derivatives of each finger's landmarks by C columns, of which 3 to 5 shift the whole hand.
    The first result (N, 5, M, C + 1) holds M equations for each finger, the second (N, 3, 4) those of the wrist for the
    shift alone; the last column is the residual, in standard deviations.
    """
    rays, slopes, depths = _residuals(seen, points)
    num_columns, N = by.shape[1], points.shape[-1]
    depth = np.maximum(points[2], _NEAREST_M)
    temper = _temper(rays)
    scale = temper * LANDMARK_WEIGHT / (seen.rays_sigma * depth)
    rays *= temper
    measured = np.isfinite(seen.depth_m)
    any_measured = bool(measured.any())
    rows = np.empty((num_columns + 1, 5, 16 if any_measured else 12, N))
    wrist = np.zeros((4, 3, N))

    along = points[:2] / depth
    for axis in range(2):
        mine = slice(4 * axis, 4 * axis + 4)
        rows[:-1, :, mine] = (by[axis] - _fingers(along[axis]) * by[2]) * _fingers(scale)
        rows[-1, :, mine] = _fingers(rays[axis])
        wrist[axis, axis], wrist[2, axis] = scale[0], -along[axis, 0] * scale[0]
        wrist[3, axis] = rays[axis, 0]

    bones, length = _bones(points)
    temper = _temper(slopes)
    upright = -bones * bones[2] / length**2
    upright[2] += 1.0
    upright *= temper / (length * seen.bone_slope_sigma)
    per_bone = upright.reshape(3, 5, 4, N)
    rows[:-1, :, 8] = sum(per_bone[axis, :, 0] * by[axis, :, :, 0] for axis in range(3))
    rows[3:6, :, 8] = 0.0  # the wrist is shifted, too
    change = by[:, :, :, 1:] - by[:, :, :, :-1]
    rows[:-1, :, 9:12] = sum(per_bone[axis, :, 1:] * change[axis] for axis in range(3))
    rows[-1, :, 8:12] = (slopes[0] * temper).reshape(5, 4, N)

    if any_measured:
        temper = _temper(depths) * measured
        rows[:-1, :, 12:] = by[2] * _fingers(temper / seen.depth_sigma_m)
        rows[-1, :, 12:] = _fingers(depths[0] * temper)
        wrist[2, 2], wrist[3, 2] = temper[0] / seen.depth_sigma_m, depths[0, 0] * temper[0]
    return np.ascontiguousarray(rows.transpose(3, 1, 2, 0)), np.ascontiguousarray(wrist.transpose(2, 1, 0))


def _residuals(seen: Evidence, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """In standard deviations, the first axis being what belongs together: rays, slopes, depths."""
    rays = (points[:2] / np.maximum(points[2], _NEAREST_M) - seen.rays) * (LANDMARK_WEIGHT / seen.rays_sigma)
    bones, length = _bones(points)
    slopes = (bones[2] / length - seen.bone_slopes) / seen.bone_slope_sigma
    offsets = (points[2] - seen.depth_m) / seen.depth_sigma_m
    return rays, slopes[None], np.where(np.isfinite(offsets), offsets, 0.0)[None]


def _bones(points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(3, 20, N) from parent to child of each of `HAND_BONES`, and their lengths (20, N)."""
    bones = points[:, 1:] - points[:, :-1]
    bones[:, ::4] = points[:, 1::4] - points[:, :1]
    return bones, np.sqrt(np.sum(bones**2, axis=0))


def _fingers(values: FloatArray) -> FloatArray:
    """Of values (21, N) of landmarks, those of the fingers (5, 4, N)."""
    return values[1:].reshape(5, 4, -1)


def _huber(residual: FloatArray) -> FloatArray:
    """(...) of residuals (K, ...): their squared norm, and linear beyond `HUBER` (Huber, 1964)."""
    norm = _norm(residual)
    return np.where(norm <= HUBER, norm**2, HUBER * (2.0 * norm - HUBER))


def _temper(residual: FloatArray) -> FloatArray:
    """Factors (...) that make the square of a residual (K, ...) grow as its Huber cost does."""
    return np.asarray(np.sqrt(HUBER / np.maximum(_norm(residual), HUBER)))


def _norm(residual: FloatArray) -> FloatArray:
    return np.asarray(np.abs(residual[0]) if len(residual) == 1 else np.sqrt(np.sum(residual**2, axis=0)))
