"""From a wanted pinch of thumb and index to joint angles and a wrist pose.

The pinch frame of a hand has its origin midway between the tips of thumb and index; x, the closing direction, leads
from the index tip to the thumb tip; z, the approach, is the mean direction of the two last phalanges, square to x.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.optimize import least_squares

from humandata.arrays import FloatArray
from humandata.geometry.transforms import invert, make_transform
from humandata.schemas.landmarks import HandLandmark
from humandata.studio.hand_shape import Bone, HandShape
from humandata.studio.hand_skeleton import DOF_RANGE, NUM_DOF, Dof, bone_transforms, landmarks_from_bones

APERTURE_RANGE_M = (0.012, 0.105)
"""Tip to tip at the reference hand length: the pulps touch, the span of an easy grasp."""

_PINCH_DOFS = [int(dof) for dof in Dof if dof <= Dof.INDEX_PIP]
_CLOSED = np.radians([15.0, 30.0, 35.0, 15.0, 20.0, 48.0, 0.0, 48.0])
_OPENED = np.radians([0.0, 30.0, 25.0, 8.0, 10.0, 25.0, 0.0, 32.0])
"""What a relaxed pinch tends to, closed and open: the angles that the tips do not determine stay near these."""
_RELAXED_DEG = {
    Dof.MIDDLE_MCP: 26.0,
    Dof.MIDDLE_PIP: 32.0,
    Dof.RING_MCP: 28.0,
    Dof.RING_PIP: 34.0,
    Dof.PINKY_MCP: 28.0,
    Dof.PINKY_PIP: 34.0,
}


def pinch_angles(aperture_m: ArrayLike, shape: HandShape, relaxed: FloatArray | None = None) -> FloatArray:
    """Joint angles (T, 17) whose thumb tip and index tip are exactly `aperture_m` (T,) apart, in metres.

    `relaxed` (17,) or (T, 17) is added to the other three fingers' easy curl; what it holds for thumb and index is
    ignored. An aperture outside `APERTURE_RANGE_M`, scaled to the hand, is clipped to it.
    """
    wanted = np.clip(np.asarray(aperture_m, dtype=np.float64) / shape.scale, *APERTURE_RANGE_M)
    posture = _pinch_posture()
    # The family is monotone in its parameter, and nearly the identity, so that a few secant steps are exact.
    parameter = wanted.copy()
    for _ in range(20):
        parameter += wanted - _aperture(posture(parameter), shape) / shape.scale
    angles = np.zeros((len(wanted), NUM_DOF))
    angles[:] = _rest_angles() if relaxed is None else _rest_angles() + relaxed
    angles[:, _PINCH_DOFS] = posture(parameter)
    return np.asarray(np.clip(angles, *DOF_RANGE.T))


def pinch_frame_in_hand(T_hand_bone: FloatArray, shape: HandShape) -> FloatArray:
    """T_hand_pinch (..., 4, 4) of T_hand_bone (..., 17, 4, 4)."""
    points = landmarks_from_bones(T_hand_bone, shape)
    thumb, index = points[..., HandLandmark.THUMB_TIP, :], points[..., HandLandmark.INDEX_TIP, :]
    x = _unit(thumb - index)
    approach = T_hand_bone[..., Bone.THUMB_DISTAL, :3, 2] + T_hand_bone[..., Bone.INDEX_DISTAL, :3, 2]
    z = _unit(approach - np.sum(approach * x, axis=-1, keepdims=True) * x)
    return make_transform(np.stack([x, np.cross(z, x), z], axis=-1), (thumb + index) / 2.0)


def hand_pose_at_tool(T_world_tool: ArrayLike, T_hand_bone: FloatArray, shape: HandShape) -> FloatArray:
    """T_world_hand (..., 4, 4) of a right hand whose pinch frame coincides with T_world_tool (..., 4, 4)."""
    return np.asarray(np.asarray(T_world_tool) @ invert(pinch_frame_in_hand(T_hand_bone, shape)))


def _rest_angles() -> FloatArray:
    angles = np.zeros(NUM_DOF)
    for dof, degrees in _RELAXED_DEG.items():
        angles[dof] = np.radians(degrees)
    return angles


@lru_cache(maxsize=1)
def _pinch_posture() -> PchipInterpolator:
    """Angles (8,) of thumb and index as a smooth function of the aperture, for a hand of the reference length."""
    apertures = np.linspace(*APERTURE_RANGE_M, 7)
    lower, upper = DOF_RANGE[_PINCH_DOFS].T
    solutions, guess = [], _CLOSED
    for aperture in apertures:
        share = (aperture - apertures[0]) / (apertures[-1] - apertures[0])
        comfort = _CLOSED + share * (_OPENED - _CLOSED)
        guess = least_squares(
            _discomfort, guess, _discomfort_slope, (lower, upper), args=(aperture, comfort), xtol=1e-7
        ).x
        solutions.append(guess)
    return PchipInterpolator(apertures, np.stack(solutions), extrapolate=True)


def _discomfort(pinch: FloatArray, aperture: float, comfort: FloatArray) -> FloatArray:
    """Residuals (..., 12) of angles (..., 8): tips at the wanted distance, pulps facing each other, joints at ease."""
    T_hand_bone = bone_transforms(_expand(pinch))
    points = landmarks_from_bones(T_hand_bone)
    gap = points[..., HandLandmark.THUMB_TIP, :] - points[..., HandLandmark.INDEX_TIP, :]
    distance = np.linalg.norm(gap, axis=-1)
    thumb, index = (T_hand_bone[..., bone, :3, :3] for bone in (Bone.THUMB_DISTAL, Bone.INDEX_DISTAL))
    # Along the closing direction: how squarely each pulp faces the other one, and how far the tips point apart.
    facing_index, facing_thumb = _dot(index[..., 0], gap) / distance, -_dot(thumb[..., 0], gap) / distance
    skew = _dot(thumb[..., 2] + index[..., 2], gap) / distance
    balance = [(distance - aperture) * 2000.0, (1.0 - facing_index) * 2.0, (1.0 - facing_thumb) * 2.0, skew * 0.8]
    return np.concatenate([np.stack(balance, axis=-1), pinch - comfort], axis=-1)


def _discomfort_slope(pinch: FloatArray, aperture: float, comfort: FloatArray) -> FloatArray:
    """Jacobian (12, 8) of `_discomfort` by central differences, all evaluated at once."""
    step = 1e-5 * np.eye(len(pinch))
    return np.asarray(
        (_discomfort(pinch + step, aperture, comfort) - _discomfort(pinch - step, aperture, comfort)).T / 2e-5
    )


def _aperture(pinch: FloatArray, shape: HandShape) -> FloatArray:
    points = landmarks_from_bones(bone_transforms(_expand(pinch), shape), shape)
    gap = points[..., HandLandmark.THUMB_TIP, :] - points[..., HandLandmark.INDEX_TIP, :]
    return np.asarray(np.linalg.norm(gap, axis=-1))


def _expand(pinch: FloatArray) -> FloatArray:
    angles = np.zeros((*pinch.shape[:-1], NUM_DOF))
    angles[..., _PINCH_DOFS] = pinch
    return angles


def _dot(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(np.sum(a * b, axis=-1))


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
