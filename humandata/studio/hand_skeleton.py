"""The joints of a human hand, and where its bones and the 21 landmarks are for given joint angles.

The hand frame has its origin at the wrist landmark; z leads to the middle knuckle, x is the palm normal (out of the
palm), y = z x x. All that is computed here is the right hand, where y points towards the thumb; a left hand is the
mirror image, y -> -y (`mirrored`).

Joint ranges are the usual clinical ones (American Academy of Orthopaedic Surgeons, "Joint Motion", 1965).
"""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import FloatArray
from humandata.geometry.transforms import make_transform
from humandata.schemas.landmarks import HandLandmark
from humandata.studio.hand_shape import CHAIN_ROOTS, NUM_BONES, REFERENCE_HAND, HandShape, chain_bones


class Dof(IntEnum):
    """Index of a joint angle in an array (..., 17), radians. Zero is a flat hand with the thumb held out."""

    THUMB_FLEXION = 0
    THUMB_ABDUCTION = 1
    THUMB_PRONATION = 2
    THUMB_MCP = 3
    THUMB_IP = 4
    INDEX_MCP = 5
    INDEX_ABDUCTION = 6
    INDEX_PIP = 7
    MIDDLE_MCP = 8
    MIDDLE_ABDUCTION = 9
    MIDDLE_PIP = 10
    RING_MCP = 11
    RING_ABDUCTION = 12
    RING_PIP = 13
    PINKY_MCP = 14
    PINKY_ABDUCTION = 15
    PINKY_PIP = 16


NUM_DOF = len(Dof)
DIP_PER_PIP = 2.0 / 3.0
"""The last finger joint follows the middle one (Rijpkema and Girard, "Computer Animation of Knowledge-Based Human
Grasping", SIGGRAPH 1991)."""

_THUMB_RANGE_DEG = [(-20, 45), (-25, 45), (-15, 60), (-10, 55), (-15, 80)]
_FINGER_RANGE_DEG = [(-20, 90), (-20, 20), (0, 105)]
DOF_RANGE = np.radians(np.array(_THUMB_RANGE_DEG + _FINGER_RANGE_DEG * 4, dtype=np.float64))
"""Least and greatest angle (17, 2) of each joint; finger abduction is positive towards the thumb."""


CMC_LANDMARK_SHARE = 0.25
"""Annotators mark the thumb's first landmark where its base shows, this share of the metacarpal beyond the joint itself
(fitted to MediaPipe's landmarks on the rendered hand)."""

_THUMB_DIRECTION = (0.30, 0.66, 0.69)
_THUMB_PAD = (0.42, -0.85, 0.25)
_FINGER_SPLAY = np.radians([5.0, 0.0, -5.0, -11.0])


@lru_cache(maxsize=1)
def root_frames() -> FloatArray:
    """T_hand_root (5, 4, 4): each chain's first bone at zero angles. z along the bone, x towards its pad, y = z x x."""
    fingers = [
        _axes(np.array([0.0, np.sin(splay), np.cos(splay)]), np.array([1.0, 0.0, 0.0])) for splay in _FINGER_SPLAY
    ]
    return make_transform(np.stack([_axes(np.array(_THUMB_DIRECTION), np.array(_THUMB_PAD)), *fingers]), CHAIN_ROOTS)


def bone_transforms(angles: ArrayLike, shape: HandShape = REFERENCE_HAND) -> FloatArray:
    """T_hand_bone (..., 17, 4, 4) of a right hand for joint angles (..., 17) in the order of `Dof`.

    Each bone's frame sits in its proximal joint: z along the bone, x towards its pad, y = z x x; the axes of palm and
    forearm are the hand's (the wrist is bent by `hand_pose`).
    """
    q = np.asarray(angles, dtype=np.float64)
    roots, positions, lengths = root_frames(), shape.chain_roots_m, shape.chain_lengths_m
    T = np.broadcast_to(np.eye(4), (*q.shape[:-1], NUM_BONES, 4, 4)).copy()
    for chain in range(5):
        R, position = roots[chain, :3, :3], positions[chain]
        for bone, bend, length in zip(chain_bones(chain), _bends(q, chain), lengths[chain], strict=True):
            R = R @ bend
            T[..., bone, :3, :3], T[..., bone, :3, 3] = R, position
            position = position + length * R[..., 2]
    return T


def _bends(q: FloatArray, chain: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Rotations (..., 3, 3) at the three joints of a chain, each in the frame of the bone before it."""
    if chain == 0:
        first = _turn(0, -q[..., Dof.THUMB_ABDUCTION]) @ _turn(1, q[..., Dof.THUMB_FLEXION])
        first = first @ _turn(2, -q[..., Dof.THUMB_PRONATION])
        return first, _turn(1, q[..., Dof.THUMB_MCP]), _turn(1, q[..., Dof.THUMB_IP])
    mcp, abduction, pip = (q[..., int(Dof.INDEX_MCP) + 3 * (chain - 1) + k] for k in range(3))
    return _turn(0, -abduction) @ _turn(1, mcp), _turn(1, pip), _turn(1, DIP_PER_PIP * pip)


def landmarks_from_bones(T_hand_bone: FloatArray, shape: HandShape = REFERENCE_HAND) -> FloatArray:
    """Landmarks (..., 21, 3) in metres in the hand frame, in the order of `HandLandmark`, of bones (..., 17, 4, 4)."""
    points = np.zeros((*T_hand_bone.shape[:-3], len(HandLandmark), 3))
    lengths = shape.chain_lengths_m
    for chain in range(5):
        bones = chain_bones(chain)
        first = 1 + 4 * chain
        points[..., first : first + 3, :] = T_hand_bone[..., bones[0] : bones[2] + 1, :3, 3]
        if chain == 0:
            points[..., first, :] += CMC_LANDMARK_SHARE * (points[..., first + 1, :] - points[..., first, :])
        distal = T_hand_bone[..., bones[2], :3, :]
        points[..., first + 3, :] = distal[..., 3] + lengths[chain, 2] * distal[..., 2]
    return points


def landmarks(angles: ArrayLike, shape: HandShape = REFERENCE_HAND) -> FloatArray:
    """Landmarks (..., 21, 3) in metres of a right hand in the hand frame, for joint angles (..., 17)."""
    return landmarks_from_bones(bone_transforms(angles, shape), shape)


def mirrored(points: FloatArray) -> FloatArray:
    """Points (..., 3) of a right hand in its frame as points of a left hand in its own: y changes sign."""
    return points * [1.0, -1.0, 1.0]


def _axes(z: FloatArray, x_hint: FloatArray) -> FloatArray:
    z = z / np.linalg.norm(z)
    x = x_hint - (x_hint @ z) * z
    x = x / np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def _turn(axis: int, angle: FloatArray) -> FloatArray:
    """Rotations (..., 3, 3) by `angle` (...) about the x, y or z axis."""
    R = np.zeros((*np.shape(angle), 3, 3))
    u, v = (axis + 1) % 3, (axis + 2) % 3
    R[..., axis, axis] = 1.0
    R[..., u, u] = R[..., v, v] = np.cos(angle)
    R[..., v, u] = np.sin(angle)
    R[..., u, v] = -R[..., v, u]
    return R
