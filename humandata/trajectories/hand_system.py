"""What speaks for a hand's pose and shape, as one system of weighted least squares linearised where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from humandata.geometry.rotations import matrix_from_rotvec, rotvec_from_matrix
from humandata.schemas.landmarks import HAND_BONES
from humandata.trajectories import hand_priors as prior
from humandata.trajectories.hand_model import NUM_ANGLES, PALM, PHALANGES, HandShape, PosedHand, pose_hand

FloatArray = NDArray[np.float64]

NUM_POSE = 6 + NUM_ANGLES
NUM_SHAPE = 1 + PALM.size + PHALANGES.size
_PARENT = np.array([int(parent) for parent, _ in HAND_BONES])
_CHILD = np.array([int(child) for _, child in HAND_BONES])
_ANGLES = np.arange(6, NUM_POSE)

_BLOCK = 16
"""Frames linearised at a time: what is made on the way then stays in the processor's cache."""

HUBER = 1.0
"""Standard deviations beyond which a residual counts by its size and no longer by its square."""

LANDMARK_WEIGHT = np.ones(21)
LANDMARK_WEIGHT[0] = 0.5
LANDMARK_WEIGHT[[5, 9, 13, 17]] = 2.0 / 3.0
LANDMARK_WEIGHT[[3, 7]] = 1.5
LANDMARK_WEIGHT[[4, 8]] = 2.0
"""Nothing on the skin marks the wrist and the knuckles as sharply as a fingertip; thumb and index are hidden least, and
the aperture between them matters most."""


@dataclass(frozen=True)
class Evidence:
    """What was seen of a right hand (a left one is mirrored first) over N frames."""

    seconds: FloatArray
    """(N,) increasing."""
    rays: FloatArray
    """(N, 21, 2) x / z and y / z of the landmarks."""
    rays_sigma: FloatArray
    """(N,) of the coordinates of a landmark."""
    bone_slopes: FloatArray
    """(N, 20) z of the unit vector along each of `HAND_BONES`: how much it points away from the camera."""
    bone_slope_sigma: FloatArray
    """(N,)."""
    depth_m: FloatArray
    """(N, 21) z of the landmarks, NaN where it was not measured."""
    depth_sigma_m: FloatArray
    """(N,)."""

    def take(self, frames: NDArray[np.int64] | slice) -> Evidence:
        """The same for some of the frames."""
        return Evidence(
            self.seconds[frames],
            self.rays[frames],
            self.rays_sigma[frames],
            self.bone_slopes[frames],
            self.bone_slope_sigma[frames],
            self.depth_m[frames],
            self.depth_sigma_m[frames],
        )


def concatenate(parts: Sequence[Evidence], gap_s: float) -> Evidence:
    """One part after the other, each `gap_s` after the one before."""
    seconds: list[FloatArray] = []
    for part in parts:
        start = seconds[-1][-1] + gap_s if seconds else part.seconds[0]
        seconds.append(part.seconds - part.seconds[0] + start)
    return Evidence(
        np.concatenate(seconds),
        *(
            np.concatenate([getattr(part, name.name) for part in parts])
            for name in fields(Evidence)
            if name.name != "seconds"
        ),
    )


@dataclass(frozen=True)
class HandState:
    """Where N hands of one shape are."""

    R_camera_hand: FloatArray
    """(N, 3, 3)."""
    position: FloatArray
    """(N, 3) of the wrist in the camera frame, metres."""
    angles: FloatArray
    """(N, 21) radians."""
    shape: FloatArray
    """(31,) logarithm of the size; offsets of the palm's points per hand length; logarithms of the bones' lengths."""

    def moved(self, pose_step: FloatArray, shape_step: FloatArray) -> HandState:
        """After a step (N, 27) of the poses and (31,) of the shape."""
        return HandState(
            matrix_from_rotvec(pose_step[:, :3]) @ self.R_camera_hand,
            self.position + pose_step[:, 3:6],
            self.angles + pose_step[:, 6:],
            self.shape + shape_step,
        )

    def take(self, frames: NDArray[np.int64] | slice) -> HandState:
        """The same for some of the frames."""
        return HandState(self.R_camera_hand[frames], self.position[frames], self.angles[frames], self.shape)


@dataclass(frozen=True)
class System:
    """Normal equations: half the cost's second and first derivatives by the poses and by the shape."""

    pose: FloatArray
    """(N, 27, 27) blocks on the diagonal."""
    step: FloatArray
    """(N - 1, 27) the diagonal of what couples a frame with the next."""
    border: FloatArray
    """(N, 27, 31) between poses and shape."""
    shape: FloatArray
    """(31, 31)."""
    pose_gradient: FloatArray
    """(N, 27)."""
    shape_gradient: FloatArray
    """(31,)."""


class HandProblem:
    """The cost of a hand's state given the evidence, and its linearisation."""

    def __init__(self, evidence: Evidence, hand_length_m: float, length_sd: float, motion: prior.Motion) -> None:
        """`length_sd` is that of the logarithm of the hand's length about that of `hand_length_m`."""
        self._evidence = evidence
        self._length_m = hand_length_m
        sd = [np.full(1, length_sd), np.full(PALM.size, prior.PALM_SD), np.full(PHALANGES.size, prior.PHALANX_SD)]
        self._shape_sd = np.concatenate(sd)
        gaps_s = np.maximum(np.diff(evidence.seconds), 1e-3)
        self._step_weight = 1.0 / (motion.sd * np.sqrt(gaps_s)[:, None])

    def landmarks(self, state: HandState) -> FloatArray:
        """(N, 21, 3) in the camera frame."""
        points = pose_hand(self._shape_of(state), state.angles, derivatives=False).points
        return points @ np.swapaxes(state.R_camera_hand, 1, 2) + state.position[:, None]

    def cost(self, state: HandState) -> float:
        """Sum of squares, the larger residuals of the picture tempered."""
        points = self.landmarks(state)
        total = sum(float(_huber(residual).sum()) for residual in _measured(self._evidence, points))
        plain = [*self._angle_residuals(state), state.shape / self._shape_sd, self._change(state) * self._step_weight]
        return total + sum(float(np.sum(residual**2)) for residual in plain)

    def linearized(self, state: HandState) -> System:
        """The normal equations about `state`."""
        N = len(state.angles)
        pose, border = np.empty((N, NUM_POSE, NUM_POSE)), np.empty((N, NUM_POSE, NUM_SHAPE))
        gradient, shape = np.empty((N, NUM_POSE)), np.diag(self._shape_sd**-2.0)
        shape_gradient = state.shape / self._shape_sd**2
        hand = pose_hand(self._shape_of(state), state.angles)
        for first in range(0, N, _BLOCK):
            frames = slice(first, first + _BLOCK)
            points, by = self._derivatives(state.take(frames), hand.take(frames))
            residual, J = _rows(self._evidence.take(frames), points, by)
            JT = np.swapaxes(J, 1, 2)
            square, slope = JT @ J, (JT @ residual[..., None])[..., 0]
            pose[frames], border[frames] = square[:, :NUM_POSE, :NUM_POSE], square[:, :NUM_POSE, NUM_POSE:]
            shape += square[:, NUM_POSE:, NUM_POSE:].sum(axis=0)
            gradient[frames] = slope[:, :NUM_POSE]
            shape_gradient += slope[:, NUM_POSE:].sum(axis=0)
        self._add_angle_priors(state, pose, gradient)
        weight, change = self._step_weight**2, self._change(state)
        diagonal = np.arange(NUM_POSE)
        pose[:-1, diagonal, diagonal] += weight
        pose[1:, diagonal, diagonal] += weight
        gradient[1:] += weight * change
        gradient[:-1] -= weight * change
        return System(pose, -weight, border, shape, gradient, shape_gradient)

    def _shape_of(self, state: HandState) -> HandShape:
        length = self._length_m * np.exp(state.shape[0])
        palm, bones = state.shape[1 : 1 + PALM.size], state.shape[1 + PALM.size :]
        return HandShape(
            length * (PALM + palm.reshape(PALM.shape)), length * PHALANGES * np.exp(bones.reshape(PHALANGES.shape))
        )

    def _derivatives(self, state: HandState, hand: PosedHand) -> tuple[FloatArray, FloatArray]:
        """Landmarks (N, 21, 3) in the camera frame, and their derivatives (N, 21, 3, 58) by pose and shape."""
        shape = self._shape_of(state)
        R = state.R_camera_hand
        relative = hand.points @ np.swapaxes(R, 1, 2)
        by = np.zeros((len(R), 21, 3, NUM_POSE + NUM_SHAPE))
        x, y, z = np.moveaxis(relative, -1, 0)
        by[:, :, 0, 1], by[:, :, 0, 2] = z, -y
        by[:, :, 1, 0], by[:, :, 1, 2] = -z, x
        by[:, :, 2, 0], by[:, :, 2, 1] = y, -x
        by[:, :, [0, 1, 2], [3, 4, 5]] = 1.0
        by[..., 6:NUM_POSE] = R[:, None] @ hand.by_angle
        by_shape = by[..., NUM_POSE:]
        by_shape[..., 0] = relative
        length = self._length_m * np.exp(state.shape[0])
        bones = np.einsum("nij,nfbj->nfbi", R, hand.bones) * shape.phalanges[..., None]
        for finger in range(5):
            base = 1 + 4 * finger
            by_shape[:, base : base + 4, :, 1 + 3 * finger : 4 + 3 * finger] = length * R[:, None]
            for bone in range(3):
                column = 1 + PALM.size + 3 * finger + bone
                by_shape[:, base + bone + 1 : base + 4, :, column] = bones[:, None, finger, bone]
        return relative + state.position[:, None], by

    def _angle_residuals(self, state: HandState) -> tuple[FloatArray, FloatArray, FloatArray]:
        angles = state.angles
        over = np.maximum(angles - prior.ANGLE_MAX, 0.0) + np.minimum(angles - prior.ANGLE_MIN, 0.0)
        coupled = angles[:, prior.LAST_JOINTS] - prior.COUPLING * angles[:, prior.MIDDLE_JOINTS]
        return (angles - prior.ANGLE_MEAN) / prior.ANGLE_SD, over / prior.LIMIT_SD, coupled / prior.COUPLING_SD

    def _add_angle_priors(self, state: HandState, pose: FloatArray, gradient: FloatArray) -> None:
        usual, over, coupled = self._angle_residuals(state)
        pose[:, _ANGLES, _ANGLES] += prior.ANGLE_SD**-2.0 + (over != 0) * prior.LIMIT_SD**-2.0
        gradient[:, 6:] += usual / prior.ANGLE_SD + over / prior.LIMIT_SD
        middle, last = 6 + prior.MIDDLE_JOINTS, 6 + prior.LAST_JOINTS
        weight = prior.COUPLING_SD**-2.0
        pose[:, last, last] += weight
        pose[:, middle, middle] += prior.COUPLING**2 * weight
        pose[:, last, middle] -= prior.COUPLING * weight
        pose[:, middle, last] -= prior.COUPLING * weight
        gradient[:, last] += coupled / prior.COUPLING_SD
        gradient[:, middle] -= prior.COUPLING * coupled / prior.COUPLING_SD

    def _change(self, state: HandState) -> FloatArray:
        """(N - 1, 27) from each frame to the next."""
        R = state.R_camera_hand
        turn = rotvec_from_matrix(R[1:] @ np.swapaxes(R[:-1], 1, 2))
        return np.concatenate([turn, np.diff(state.position, axis=0), np.diff(state.angles, axis=0)], axis=-1)


def _measured(seen: Evidence, points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Residuals in standard deviations, the last axis being what belongs together: rays, slopes, depths."""
    weight = LANDMARK_WEIGHT[:, None] / seen.rays_sigma[:, None, None]
    rays = (points[..., :2] / np.maximum(points[..., 2:], 1e-2) - seen.rays) * weight
    bones = points[:, _CHILD] - points[:, _PARENT]
    slopes = (bones[..., 2] / np.linalg.norm(bones, axis=-1) - seen.bone_slopes) / seen.bone_slope_sigma[:, None]
    offsets = (points[..., 2] - seen.depth_m) / seen.depth_sigma_m[:, None]
    return rays, slopes[..., None], np.where(np.isfinite(offsets), offsets, 0.0)[..., None]


def _rows(seen: Evidence, points: FloatArray, by: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residuals (N, M) and their derivatives (N, M, 58), weighted for robustness, from those of the landmarks."""
    rays, slopes, depths = _measured(seen, points)
    N = len(points)
    z = np.maximum(points[..., 2, None, None], 1e-2)
    along = (points[..., :2] / z[..., 0])[..., None]
    temper = _temper(rays)
    scale = (temper * LANDMARK_WEIGHT[:, None] / seen.rays_sigma[:, None, None])[..., None]
    by_ray = (by[:, :, :2] - along * by[:, :, 2:]) * (scale / z)

    bones = points[:, _CHILD] - points[:, _PARENT]
    slope_temper = _temper(slopes)
    length = np.linalg.norm(bones, axis=-1, keepdims=True)
    upright = np.array([0.0, 0.0, 1.0]) - bones * bones[..., 2:] / length**2
    per_bone = upright * slope_temper / (length * seen.bone_slope_sigma[:, None, None])
    change = by[:, _CHILD] - by[:, _PARENT]
    by_bone = sum(per_bone[..., axis, None] * change[:, :, axis] for axis in range(3))

    residuals = [(rays * temper).reshape(N, 42), (slopes * slope_temper)[..., 0]]
    derivatives = [by_ray.reshape(N, 42, -1), np.asarray(by_bone)]
    measured = np.isfinite(seen.depth_m)
    if measured.any():
        temper = _temper(depths) * measured[..., None]
        residuals.append((depths * temper)[..., 0])
        derivatives.append(by[:, :, 2] * (temper / seen.depth_sigma_m[:, None, None]))
    return np.concatenate(residuals, axis=1), np.concatenate(derivatives, axis=1)


def _huber(residual: FloatArray) -> FloatArray:
    """(...) of residuals (..., K): their squared norm, and linear beyond `HUBER` (Huber, 1964)."""
    norm = np.linalg.norm(residual, axis=-1)
    return np.asarray(np.where(norm <= HUBER, norm**2, HUBER * (2.0 * norm - HUBER)))


def _temper(residual: FloatArray) -> FloatArray:
    """Factors (..., 1) that make the square of a residual (..., K) grow as its Huber cost does."""
    norm = np.linalg.norm(residual, axis=-1, keepdims=True)
    return np.asarray(np.sqrt(HUBER / np.maximum(norm, HUBER)))
