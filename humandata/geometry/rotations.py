"""Rotations as matrices R (..., 3, 3), and conversions to and from what is stored. Radians throughout.

`R_a_b` maps coordinates in b to coordinates in a. Every function takes any batch shape; a row holding NaN (a missing
rotation) stays NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from humandata.arrays import FloatArray


def matrix_from_wxyz(wxyz: ArrayLike) -> FloatArray:
    """Rotation matrices (..., 3, 3) of quaternions (..., 4) in wxyz order; they need not be of unit length."""

    def convert(q: FloatArray) -> FloatArray:
        return np.asarray(Rotation.from_quat(q, scalar_first=True).as_matrix())

    return _batched(convert, wxyz, (4,), (3, 3))


def wxyz_from_matrix(R: ArrayLike) -> FloatArray:
    """Unit quaternions (..., 4) in wxyz order with w >= 0, of rotation matrices (..., 3, 3)."""

    def convert(matrices: FloatArray) -> FloatArray:
        return np.asarray(Rotation.from_matrix(matrices).as_quat(canonical=True, scalar_first=True))

    return _batched(convert, R, (3, 3), (4,))


def wxyz_from_xyzw(xyzw: ArrayLike) -> FloatArray:
    """Reorder quaternions (..., 4) from xyzw, as SciPy, ROS and robosuite store them, to wxyz with w >= 0."""
    wxyz = np.roll(np.asarray(xyzw, dtype=np.float64), 1, axis=-1)
    return np.where(wxyz[..., :1] < 0, -wxyz, wxyz)


def matrix_from_rotvec(rotvec: ArrayLike) -> FloatArray:
    """Rotation matrices (..., 3, 3) of axis-angle vectors (..., 3) in radians."""

    def convert(vectors: FloatArray) -> FloatArray:
        return np.asarray(Rotation.from_rotvec(vectors).as_matrix())

    return _batched(convert, rotvec, (3,), (3, 3))


def rotvec_from_matrix(R: ArrayLike) -> FloatArray:
    """Axis-angle vectors (..., 3) in radians, of length at most pi, of rotation matrices (..., 3, 3)."""

    def convert(matrices: FloatArray) -> FloatArray:
        return np.asarray(Rotation.from_matrix(matrices).as_rotvec())

    return _batched(convert, R, (3, 3), (3,))


def matrix_from_rpy(rpy: ArrayLike) -> FloatArray:
    """Rotation matrices (..., 3, 3) of roll, pitch, yaw (..., 3): R = Rz(yaw) Ry(pitch) Rx(roll), as in URDF."""

    def convert(angles: FloatArray) -> FloatArray:
        return np.asarray(Rotation.from_euler("xyz", angles).as_matrix())

    return _batched(convert, rpy, (3,), (3, 3))


def rpy_from_matrix(R: ArrayLike) -> FloatArray:
    """Roll, pitch, yaw (..., 3) in radians of rotation matrices (..., 3, 3); the inverse of `matrix_from_rpy`."""

    def convert(matrices: FloatArray) -> FloatArray:
        return np.asarray(Rotation.from_matrix(matrices).as_euler("xyz"))

    return _batched(convert, R, (3, 3), (3,))


def rot6d_from_matrix(R: ArrayLike) -> FloatArray:
    """The first two columns of R (..., 3, 3), one after the other (..., 6).

    Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019. Some datasets store the
    first two rows instead, which is the inverse rotation's rot6d.
    """
    matrix = np.asarray(R, dtype=np.float64)
    return np.concatenate([matrix[..., :, 0], matrix[..., :, 1]], axis=-1)


def matrix_from_rot6d(rot6d: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) by Gram-Schmidt from (..., 6), which need not be orthonormal: a network's output.

    Zeros, which a masked action holds, give NaN.
    """
    columns = np.asarray(rot6d, dtype=np.float64)
    x = _unit(columns[..., :3])
    y = columns[..., 3:]
    y = _unit(y - np.sum(x * y, axis=-1, keepdims=True) * x)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def orthonormalize(M: ArrayLike) -> FloatArray:
    """The rotation matrices (..., 3, 3) nearest to M (..., 3, 3) in the Frobenius norm."""

    def convert(matrices: FloatArray) -> FloatArray:
        U, _, Vt = np.linalg.svd(matrices)
        sign = np.ones((len(matrices), 3))
        sign[:, 2] = np.linalg.det(U @ Vt)

        return np.asarray((U * sign[:, None, :]) @ Vt)

    return _batched(convert, M, (3, 3), (3, 3))


def angle_between(R_a: ArrayLike, R_b: ArrayLike) -> FloatArray:
    """Angle (...) in [0, pi] of the rotation that leads from R_a (..., 3, 3) to R_b (..., 3, 3)."""
    R_relative = np.swapaxes(np.asarray(R_a, dtype=np.float64), -1, -2) @ np.asarray(R_b, dtype=np.float64)
    return np.asarray(np.linalg.norm(rotvec_from_matrix(R_relative), axis=-1))


def slerp(R_start: ArrayLike, R_end: ArrayLike, fraction: ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) at `fraction` (...) of the shortest way from R_start to R_end (..., 3, 3)."""
    start = np.asarray(R_start, dtype=np.float64)
    step = rotvec_from_matrix(np.swapaxes(start, -1, -2) @ np.asarray(R_end, dtype=np.float64))
    return np.asarray(start @ matrix_from_rotvec(step * np.asarray(fraction, dtype=np.float64)[..., None]))


def turn_z_towards(direction: ArrayLike) -> FloatArray:
    """The smallest rotations (..., 3, 3) that take the z axis to `direction` (..., 3) of any length.

    It is how an image patch off the centre sees things: straight ahead of the patch is along its own viewing ray.
    """
    x, y, z = np.moveaxis(_unit(np.asarray(direction, dtype=np.float64)), -1, 0)
    sine = np.hypot(x, y)
    axis = np.stack([-y, x, np.zeros_like(x)], axis=-1) / np.maximum(sine, 1e-12)[..., None]
    return matrix_from_rotvec(axis * np.arctan2(sine, z)[..., None])


def _unit(vectors: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore"):  # a vector of no length has no direction: NaN, and nothing to warn of
        return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _batched(
    convert: Callable[[FloatArray], FloatArray],
    values: ArrayLike,
    shape_in: tuple[int, ...],
    shape_out: tuple[int, ...],
) -> FloatArray:
    """Apply `convert` to the rows that are finite, over any batch shape; the other rows come out NaN."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape[-len(shape_in) :] != shape_in:
        raise ValueError(f"expected an array of shape (..., {', '.join(map(str, shape_in))}), got {array.shape}")
    batch = array.shape[: array.ndim - len(shape_in)]
    rows = array.reshape(-1, *shape_in)
    finite = np.isfinite(rows.reshape(len(rows), int(np.prod(shape_in)))).all(axis=1)
    out = np.full((len(rows), *shape_out), np.nan)
    if finite.any():
        out[finite] = convert(rows[finite])
    return out.reshape(*batch, *shape_out)
