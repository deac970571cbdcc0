"""A right hand as a chain of rigid bones: from joint angles and bone lengths to 21 landmarks, with all derivatives.

Hand frame: origin at the wrist, z to the middle knuckle, x out of the palm, y towards the thumb (the axes of the EE
frame). Each finger has four angles: abduction and flexion at the knuckle, flexion at the two joints beyond. The thumb
has five: abduction, flexion and twist at its base, flexion at the two joints beyond. A left hand is the mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

NUM_ANGLES = 21
"""Thumb (base abduction, flexion, twist; middle joint; last joint), then the four fingers from the index (knuckle
abduction, flexion; middle joint; last joint)."""

HAND_BREADTH_PER_LENGTH = 0.45
"""Mean hand breadth over mean hand length of women (0.078 m, 0.181 m) and men (0.088 m, 0.193 m): Gordon et al., 2012
Anthropometric Survey of U.S. Army Personnel, NATICK/TR-15/007."""

_B = HAND_BREADTH_PER_LENGTH
PALM = np.array(
    [
        [0.06, 0.196 * _B, 0.073],
        [0.00, 0.251 * _B, 0.447],
        [0.00, 0.000 * _B, 0.446],
        [0.01, -0.206 * _B, 0.409],
        [0.03, -0.402 * _B, 0.368],
    ]
)
"""Base of the thumb and the four knuckles in the hand frame, per hand length. Along y and z from Buchholz, Armstrong
and Goldstein, "Anthropometric data for describing the kinematics of the human hand", Ergonomics 35(3), 1992; along x
the hollow of the palm, by eye."""

PHALANGES = np.array(
    [[0.251, 0.196, 0.158], [0.245, 0.143, 0.097], [0.266, 0.170, 0.108], [0.244, 0.165, 0.107], [0.204, 0.117, 0.093]]
)
"""Bones beyond those, thumb to little finger, per hand length (Buchholz et al., 1992)."""


def _rest_axes() -> FloatArray:
    """Axes (5, 3, 3) of each finger at angle 0: z along the bone, x the way it bends; fingers fan out a little."""
    axes = np.zeros((5, 3, 3))
    z = np.array([0.45, 0.55, 0.70])
    z /= np.linalg.norm(z)
    x = np.array([0.3, -1.0, 0.0])
    x -= x @ z * z
    x /= np.linalg.norm(x)
    axes[0] = np.stack([x, np.cross(z, x), z], axis=1)
    for finger, fan in enumerate(np.radians([-5.0, 0.0, 5.0, 12.0]), start=1):
        cosine, sine = np.cos(fan), np.sin(fan)
        axes[finger] = [[1.0, 0.0, 0.0], [0.0, cosine, -sine], [0.0, sine, cosine]]
    return axes


REST_AXES = _rest_axes()

_ANGLE_AXES: tuple[tuple[int, ...], ...] = ((0, 1, 2), (1,), (1,))
_FINGER_ANGLE_AXES: tuple[tuple[int, ...], ...] = ((0, 1), (1,), (1,))
_LANDMARKS = np.arange(1, 21).reshape(5, 4)
"""Landmarks of each finger, from its base."""


@dataclass(frozen=True)
class HandShape:
    """What does not change while one person is watched."""

    palm: FloatArray
    """(5, 3) metres in the hand frame: base of the thumb, four knuckles."""
    phalanges: FloatArray
    """(5, 3) metres: three bones of each finger, from its base."""


@dataclass(frozen=True)
class PosedHand:
    """Landmarks in the hand frame and their derivatives."""

    points: FloatArray
    """(N, 21, 3) metres."""
    by_angle: FloatArray
    """(N, 21, 3, 21) metres per radian."""
    bones: FloatArray
    """(N, 5, 3, 3) unit direction of the three bones of each finger."""

    def take(self, frames: slice) -> PosedHand:
        """The same for some of the frames."""
        return PosedHand(self.points[frames], self.by_angle[frames], self.bones[frames])


def pose_hand(shape: HandShape, angles: FloatArray, derivatives: bool = True) -> PosedHand:
    """The hand of `shape` at angles (N, 21) in radians; without `derivatives`, which cost the most, they are zero."""
    N = len(angles)
    points = np.zeros((N, 21, 3))
    bones = np.zeros((N, 5, 3, 3))
    axes, origins = np.zeros((N, NUM_ANGLES, 3)), np.zeros((N, NUM_ANGLES, 3))
    angle = 0
    for finger in range(5):
        chain = _ANGLE_AXES if finger == 0 else _FINGER_ANGLE_AXES
        R = np.broadcast_to(REST_AXES[finger], (N, 3, 3))
        point = np.broadcast_to(shape.palm[finger], (N, 3))
        points[:, _LANDMARKS[finger, 0]] = point
        for bone, bone_axes in enumerate(chain):
            for axis in bone_axes:
                axes[:, angle], origins[:, angle] = R[:, :, axis], point
                R = R @ _turn(axis, angles[:, angle])
                angle += 1
            bones[:, finger, bone] = R[:, :, 2]
            point = point + shape.phalanges[finger, bone] * R[:, :, 2]
            points[:, _LANDMARKS[finger, bone + 1]] = point
    by_angle = np.zeros((N, 21, 3, NUM_ANGLES))
    if derivatives:
        arm = points[:, _MOVED] - origins[:, _MOVES]
        by_angle[:, _MOVED, :, _MOVES] = np.swapaxes(_cross(axes[:, _MOVES], arm), 0, 1)
    return PosedHand(points, by_angle, bones)


def _moves() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(48,) and (48,): angles, and a landmark that each of them moves."""
    pairs = []
    angle = 0
    for finger in range(5):
        for bone, axes in enumerate(_ANGLE_AXES if finger == 0 else _FINGER_ANGLE_AXES):
            for _ in axes:
                pairs += [(angle, landmark) for landmark in _LANDMARKS[finger, bone + 1 :].tolist()]
                angle += 1
    moves, moved = np.array(pairs).T
    return moves, moved


_MOVES, _MOVED = _moves()


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Of vectors (..., 3): `np.cross` spends most of its time on shapes that do not occur here."""
    return np.asarray(a[..., [1, 2, 0]] * b[..., [2, 0, 1]] - a[..., [2, 0, 1]] * b[..., [1, 2, 0]])


def _turn(axis: int, angle: FloatArray) -> FloatArray:
    """Rotations (N, 3, 3) by `angle` (N,) about the x, y or z axis."""
    R = np.zeros((len(angle), 3, 3))
    u, v = (axis + 1) % 3, (axis + 2) % 3
    R[:, axis, axis] = 1.0
    R[:, u, u] = R[:, v, v] = np.cos(angle)
    R[:, v, u] = np.sin(angle)
    R[:, u, v] = -R[:, v, u]
    return R
