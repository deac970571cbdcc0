"""A right hand as a chain of rigid bones: from joint angles and bone lengths to 21 landmarks, with all derivatives.

Hand frame: origin at the wrist, z to the middle knuckle, x out of the palm, y towards the thumb (the axes of the EE
frame). Each finger has four angles: abduction and flexion at the knuckle, flexion at the two joints beyond. The thumb
has five: abduction, flexion and twist at its base, flexion at the two joints beyond. A left hand is the mirror image.

Frames come last in arrays that are worked on: NumPy is fast along many of them, and slow along three coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray

NUM_ANGLES = 21
"""Thumb (base abduction, flexion; middle joint; last joint; base twist), then the four fingers from the index (knuckle
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

_REST_COLUMNS = REST_AXES.transpose(1, 2, 0).reshape(3, 15)
"""Their columns: x of all fingers, then y, then z."""

ANGLES_OF = (slice(0, 5), *(slice(4 * finger + 1, 4 * finger + 5) for finger in range(1, 5)))
"""Which of the angles are those of each finger."""

_TURNS = (((0, 0), (1, 1), (4, 2)), ((2, 1),), ((3, 1),))
"""At each joint of a finger from its base: which of its angles turn it, in order, and about which axis."""


@dataclass(frozen=True)
class HandShape:
    """What does not change while one person is watched."""

    palm: FloatArray
    """(5, 3) metres in the hand frame: base of the thumb, four knuckles."""
    phalanges: FloatArray
    """(5, 3) metres: three bones of each finger, from its base."""


@dataclass(frozen=True)
class PosedHand:
    """N hands about their wrists."""

    fingers: FloatArray
    """(3, 5, 4, N) metres: the landmarks of each finger from its base."""
    by_angle: FloatArray
    """(3, 5, 5, 4, N) metres per radian: their derivatives by the finger's own angles, the second axis."""
    by_length: FloatArray
    """(3, 3, 5, 4, N) metres: the same by the logarithms of the lengths of its bones."""

    @property
    def points(self) -> FloatArray:
        """(N, 21, 3) metres: all landmarks."""
        N = self.fingers.shape[-1]
        return np.concatenate([np.zeros((N, 1, 3)), self.fingers.reshape(3, 20, N).transpose(2, 1, 0)], axis=1)


def pose_hand(shape: HandShape, angles: FloatArray, R: FloatArray | None = None, derivatives: bool = True) -> PosedHand:
    """The hand of `shape` at angles (N, 21) in radians, turned by R (N, 3, 3) out of the hand frame.

    Without `derivatives`, which cost the most, they are zero.
    """
    N = len(angles)
    R = np.broadcast_to(np.eye(3), (N, 3, 3)) if R is None else R
    fingers, by_angle, by_length = (np.zeros((3, *count, 5, 4, N)) for count in ((), (5,), (3,)))
    fingers[:, :, 0] = _turned(R, shape.palm.T)
    axes = list(_turned(R, _REST_COLUMNS).reshape(3, 3, 5, N).swapaxes(0, 1))
    own = np.zeros((5, 5, N))
    for finger, angles_of in enumerate(ANGLES_OF):
        own[: angles_of.stop - angles_of.start, finger] = angles[:, angles_of].T
    cosine, sine = np.cos(own), np.sin(own)
    turned = []
    for joint, turns in enumerate(_TURNS):
        for angle, about in turns:
            turned.append((joint, angle, axes[about]))
            u, v = (about + 1) % 3, (about + 2) % 3
            c, s = cosine[angle], sine[angle]
            axes[u], axes[v] = c * axes[u] + s * axes[v], c * axes[v] - s * axes[u]
        bone = shape.phalanges[:, joint, None] * axes[2]
        fingers[:, :, joint + 1] = fingers[:, :, joint] + bone
        if derivatives:
            by_length[:, joint, :, joint + 1 :] = bone[:, :, None]
    if derivatives:
        for joint, angle, axis in turned:
            arm = fingers[:, :, joint + 1 :] - fingers[:, :, joint, None]
            by_angle[:, angle, :, joint + 1 :] = _cross(axis[:, :, None], arm)
    return PosedHand(fingers, by_angle, by_length)


def _turned(R: FloatArray, vectors: FloatArray) -> FloatArray:
    """(3, K, N) vectors (3, K) turned by R (N, 3, 3)."""
    product = (R.reshape(-1, 3) @ vectors).reshape(len(R), 3, -1)
    return np.ascontiguousarray(product.transpose(1, 2, 0))


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Of vectors (3, ...): `np.cross` spends most of its time on shapes that do not occur here."""
    return np.stack([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]])
