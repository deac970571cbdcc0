"""Rigid transforms T (..., 4, 4), positions in metres.

`T_a_b` maps coordinates in b to coordinates in a (`p_a = T_a_b @ p_b`), so adjacent names cancel:
`T_world_ee = T_world_camera @ T_camera_ee`. A missing transform is NaN throughout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import FloatArray, IntArray
from humandata.geometry.rotations import matrix_from_wxyz, slerp, wxyz_from_matrix


def make_transform(R: ArrayLike, position: ArrayLike) -> FloatArray:
    """Transforms (..., 4, 4) of rotations (..., 3, 3) and positions (..., 3), broadcast against each other."""
    rotation = np.asarray(R, dtype=np.float64)
    translation = np.asarray(position, dtype=np.float64)
    batch = np.broadcast_shapes(rotation.shape[:-2], translation.shape[:-1])
    T = np.zeros((*batch, 4, 4))
    T[..., :3, :3] = rotation
    T[..., :3, 3] = translation
    T[..., 3, 3] = 1.0
    missing = ~np.isfinite(T).all(axis=(-1, -2))
    T[missing] = np.nan
    return T


def invert(T_a_b: ArrayLike) -> FloatArray:
    """T_b_a (..., 4, 4) of T_a_b (..., 4, 4)."""
    T = np.asarray(T_a_b, dtype=np.float64)
    R_b_a = np.swapaxes(T[..., :3, :3], -1, -2)
    return make_transform(R_b_a, -(R_b_a @ T[..., :3, 3:])[..., 0])


def apply(T_a_b: ArrayLike, points_b: ArrayLike) -> FloatArray:
    """Points in a (..., N, 3) of points in b (..., N, 3), under T_a_b (..., 4, 4)."""
    T = np.asarray(T_a_b, dtype=np.float64)
    return np.asarray(points_b, dtype=np.float64) @ np.swapaxes(T[..., :3, :3], -1, -2) + T[..., None, :3, 3]


def transform_from_position_wxyz(position: ArrayLike, wxyz: ArrayLike) -> FloatArray:
    """Transforms (..., 4, 4) of positions (..., 3) and quaternions (..., 4) in wxyz order."""
    return make_transform(matrix_from_wxyz(wxyz), position)


def position_wxyz_from_transform(T: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Positions (..., 3) and unit quaternions (..., 4) in wxyz order with w >= 0, of transforms (..., 4, 4)."""
    transforms = np.asarray(T, dtype=np.float64)
    return transforms[..., :3, 3].copy(), wxyz_from_matrix(transforms[..., :3, :3])


def interpolate(T_start: ArrayLike, T_end: ArrayLike, fraction: ArrayLike) -> FloatArray:
    """Transforms (..., 4, 4) at `fraction` (...) between two: linear in position, SLERP in rotation."""
    start, end = np.asarray(T_start, dtype=np.float64), np.asarray(T_end, dtype=np.float64)
    weight = np.asarray(fraction, dtype=np.float64)
    position = start[..., :3, 3] + weight[..., None] * (end[..., :3, 3] - start[..., :3, 3])
    return make_transform(slerp(start[..., :3, :3], end[..., :3, :3], weight), position)


def bracket(timestamps_ns: IntArray, query_ns: ArrayLike) -> tuple[IntArray, FloatArray]:
    """Where queries (...) fall in strictly increasing timestamps (N >= 1): the index before, and the fraction after it.

    A query outside the span is clamped to its nearer end; the caller masks it. The fraction is 0 where a query falls on
    a timestamp, and the index then is that timestamp's.
    """
    query = np.asarray(query_ns, dtype=np.int64)
    index = np.clip(np.searchsorted(timestamps_ns, query, side="right") - 1, 0, len(timestamps_ns) - 1)
    following = np.minimum(index + 1, len(timestamps_ns) - 1)
    span = np.maximum(timestamps_ns[following] - timestamps_ns[index], 1)
    return index, np.clip((query - timestamps_ns[index]) / span, 0.0, 1.0)
