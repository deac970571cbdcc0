"""What speaks for a hand's pose and shape, as one system of weighted least squares linearised where it stands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.geometry.rotations import matrix_from_rotvec, rotvec_from_matrix
from humandata.trajectories import hand_priors as prior
from humandata.trajectories.hand_evidence import Evidence, equations, misfit
from humandata.trajectories.hand_model import ANGLES_OF, NUM_ANGLES, PALM, PHALANGES, HandShape, PosedHand, pose_hand

NUM_POSE = 6 + NUM_ANGLES
NUM_SHAPE = 1 + PALM.size + PHALANGES.size
_ANGLES = np.arange(6, NUM_POSE)

_BLOCK = 64
"""Frames linearised at a time: what is made on the way then stays in the processor's cache."""

NUM_COLUMNS = 18
"""What moves a finger: rotation and shift of the hand; its own angles, of which only the thumb has the last; the hand's
size; where its base lies in the palm; the lengths of its bones."""
_RESIDUAL = NUM_COLUMNS


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

    def take(self, frames: IntArray | slice) -> HandState:
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
        return np.ascontiguousarray(self._points(state, self._pose(state, derivatives=False)).transpose(2, 1, 0))

    def cost(self, state: HandState) -> float:
        """Sum of squares, the larger residuals of the picture tempered."""
        seen = misfit(self._evidence, self._points(state, self._pose(state, derivatives=False)))
        plain = [*self._angle_residuals(state), state.shape / self._shape_sd, self._change(state) * self._step_weight]
        return seen + sum(float(np.sum(residual**2)) for residual in plain)

    def linearized(self, state: HandState) -> System:
        """The normal equations about `state`."""
        N = len(state.angles)
        pose, border, gradient = (np.zeros((N, NUM_POSE, *size)) for size in ((NUM_POSE,), (NUM_SHAPE,), ()))
        of_shape = np.zeros((5, NUM_COLUMNS + 1, NUM_COLUMNS + 1))
        for first in range(0, N, _BLOCK):
            frames = slice(first, first + _BLOCK)
            fingers, wrist = self._squares(state.take(frames), self._evidence.take(frames))
            _put_poses(fingers, wrist, pose[frames], border[frames], gradient[frames])
            of_shape += fingers.sum(axis=0)
        shape, shape_gradient = _of_shape(of_shape)
        self._add_angle_priors(state, pose, gradient)
        weight, change, diagonal = self._step_weight**2, self._change(state), np.arange(NUM_POSE)
        pose[:-1, diagonal, diagonal] += weight
        pose[1:, diagonal, diagonal] += weight
        gradient[1:] += weight * change
        gradient[:-1] -= weight * change
        shape[np.diag_indices(NUM_SHAPE)] += self._shape_sd**-2.0
        return System(pose, -weight, border, shape, gradient, shape_gradient + state.shape / self._shape_sd**2)

    def _squares(self, state: HandState, evidence: Evidence) -> tuple[FloatArray, FloatArray]:
        """Of all that was seen: (N, 5, 19, 19) by each finger's columns, (N, 4, 4) by the wrist's shift."""
        hand = self._pose(state)
        fingers, wrist = equations(evidence, self._points(state, hand), self._derivatives(state, hand))
        return np.swapaxes(fingers, 2, 3) @ fingers, np.swapaxes(wrist, 1, 2) @ wrist

    def _pose(self, state: HandState, derivatives: bool = True) -> PosedHand:
        return pose_hand(self._shape_of(state), state.angles, state.R_camera_hand, derivatives)

    def _points(self, state: HandState, hand: PosedHand) -> FloatArray:
        """(3, 21, N) in the camera frame."""
        position = state.position.T[:, None]
        beyond = hand.fingers.reshape(3, 20, -1) + position
        return np.concatenate([position, beyond], axis=1)

    def _shape_of(self, state: HandState) -> HandShape:
        length = self._length_m * np.exp(state.shape[0])
        palm, bones = state.shape[1 : 1 + PALM.size], state.shape[1 + PALM.size :]
        return HandShape(
            length * (PALM + palm.reshape(PALM.shape)), length * PHALANGES * np.exp(bones.reshape(PHALANGES.shape))
        )

    def _derivatives(self, state: HandState, hand: PosedHand) -> FloatArray:
        """(3, 18, 5, 4, N) of the fingers' landmarks in the camera frame by all that moves a finger."""
        x, y, z = hand.fingers
        zero = np.zeros_like(x)
        turn = np.array([[zero, z, -y], [-z, zero, x], [y, -x, zero]])
        shift = np.eye(3)[..., None, None, None]
        base = self._length_m * np.exp(state.shape[0]) * state.R_camera_hand.transpose(1, 2, 0)[:, :, None, None]
        return np.concatenate(
            [
                turn,
                np.broadcast_to(shift, turn.shape),
                hand.by_angle,
                hand.fingers[:, None],
                np.broadcast_to(base, turn.shape),
                hand.by_length,
            ],
            axis=1,
        )

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


def _columns(finger: int) -> tuple[tuple[slice, slice], tuple[tuple[slice, slice], ...]]:
    """Where a finger's own columns are among those of a pose, and of a shape: there, and among the 18."""
    angles, base, lengths = ANGLES_OF[finger], 1 + 3 * finger, 1 + PALM.size + 3 * finger
    own = (slice(6 + angles.start, 6 + angles.stop), slice(6, 6 + angles.stop - angles.start))
    size = (slice(0, 1), slice(11, 12))
    return own, (size, (slice(base, base + 3), slice(12, 15)), (slice(lengths, lengths + 3), slice(15, 18)))


def _put_poses(
    fingers: FloatArray, wrist: FloatArray, pose: FloatArray, border: FloatArray, gradient: FloatArray
) -> None:
    """Spread squares (N, 5, 19, 19) and (N, 4, 4) over poses (N, 27, 27), their border (N, 27, 31) and gradient."""
    common = fingers[:, :, :6].sum(axis=1)
    pose[:, :6, :6], gradient[:, :6] = common[..., :6], common[..., _RESIDUAL]
    pose[:, 3:6, 3:6] += wrist[:, :3, :3]
    gradient[:, 3:6] += wrist[:, :3, 3]
    for finger in range(5):
        square = fingers[:, finger]
        (there, own), shapes = _columns(finger)
        pose[:, there, there], gradient[:, there] = square[:, own, own], square[:, own, _RESIDUAL]
        pose[:, :6, there], pose[:, there, :6] = square[:, :6, own], square[:, own, :6]
        for where, column in shapes:
            border[:, :6, where] += square[:, :6, column]
            border[:, there, where] = square[:, own, column]


def _of_shape(fingers: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What squares (5, 19, 19) say of a shape (31, 31), and the gradient."""
    shape, gradient = np.zeros((NUM_SHAPE, NUM_SHAPE)), np.zeros(NUM_SHAPE)
    for finger, square in enumerate(fingers):
        _, shapes = _columns(finger)
        for where, column in shapes:
            gradient[where] += square[column, _RESIDUAL]
            for other, other_column in shapes:
                shape[where, other] += square[column, other_column]
    return shape, gradient
