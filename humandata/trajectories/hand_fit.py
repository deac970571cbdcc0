"""One hand shape and a smooth sequence of poses, fitted to all that was seen of a hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.linalg.lapack import dtbtrs

from humandata.trajectories.hand_priors import ANGLE_MEAN, Motion
from humandata.trajectories.hand_system import NUM_POSE, NUM_SHAPE, Evidence, HandProblem, HandState, System

FloatArray = NDArray[np.float64]

WINDOW = 450
"""Frames solved for at once, which bounds the memory: about 60 kB a frame."""
OVERLAP = 30
"""Frames that two windows share, of which each drops its outer half."""
MAX_ITERATIONS = 20
TOLERANCE = 1e-3
"""Share of the cost below which an improvement ends the fit."""


@dataclass(frozen=True)
class HandFit:
    """A right hand over N frames."""

    landmarks: FloatArray
    """(N, 21, 3) metres in the camera frame."""
    wrist_covariance: FloatArray
    """(N, 3, 3) square metres, of the position of the wrist: what the frame leaves open, and what the shape does."""
    length_scale: float
    """The hand's length over the one that was expected."""

    def take(self, frames: slice) -> HandFit:
        """The same for some of the frames."""
        return HandFit(self.landmarks[frames], self.wrist_covariance[frames], self.length_scale)


def fit_hand(
    evidence: Evidence,
    R_camera_hand: FloatArray,
    position: FloatArray,
    hand_length_m: float,
    length_sd: float,
    motion: Motion,
) -> HandFit:
    """Fit from a first guess of each frame's rotation (N, 3, 3) and wrist position (N, 3).

    Levenberg-Marquardt on the joint angles, positions and rotations of all frames and one shape. A frame is coupled
    with its neighbours and with the shape only, so that a banded Cholesky factor and a small dense one solve each step
    in time that grows with the number of frames. A track longer than a window gets its shape from frames spread over
    all of it.
    """
    N = len(R_camera_hand)
    start = HandState(R_camera_hand, position, np.tile(ANGLE_MEAN, (N, 1)), np.zeros(NUM_SHAPE))
    if N <= WINDOW:
        problem = HandProblem(evidence, hand_length_m, length_sd, motion)
        return _finish(problem, _minimize(problem, start, free_shape=True))
    spread = np.linspace(0, N - 1, WINDOW).round().astype(np.int64)
    problem = HandProblem(evidence.take(spread), hand_length_m, length_sd, motion)
    sample = _minimize(problem, start.take(spread), free_shape=True)
    system = problem.linearized(sample)
    shape_covariance = _shape_covariance(system, _by_shape(system))
    start = replace(start, shape=sample.shape)
    landmarks, covariance = np.empty((N, 21, 3)), np.empty((N, 3, 3))
    for first, last, keep in _windows(N):
        problem = HandProblem(evidence.take(slice(first, last)), hand_length_m, length_sd, motion)
        state = _minimize(problem, start.take(slice(first, last)), free_shape=False)
        part = _finish(problem, state, shape_covariance)
        landmarks[keep] = part.landmarks[keep.start - first : keep.stop - first]
        covariance[keep] = part.wrist_covariance[keep.start - first : keep.stop - first]
    return HandFit(landmarks, covariance, float(np.exp(sample.shape[0])))


def _windows(N: int) -> list[tuple[int, int, slice]]:
    """First and last frame (half-open) of each window, and the frames that it answers for."""
    count = int(np.ceil((N - OVERLAP) / (WINDOW - OVERLAP)))
    starts = np.linspace(0, N - WINDOW, count).round().astype(int).tolist()
    cuts = [0, *[(a + WINDOW + b) // 2 for a, b in itertools.pairwise(starts)], N]
    return [(a, a + WINDOW, slice(i, j)) for a, (i, j) in zip(starts, itertools.pairwise(cuts), strict=True)]


def _minimize(problem: HandProblem, state: HandState, free_shape: bool) -> HandState:
    cost, damping = problem.cost(state), 1e-2
    for _ in range(MAX_ITERATIONS):
        system = problem.linearized(state)
        improved = False
        while damping < 1e6 and not improved:
            candidate = state.moved(*_solve(system, damping, free_shape))
            candidate_cost = problem.cost(candidate)
            improved = candidate_cost < cost
            damping *= 0.125 if improved else 8.0
        if not improved:
            break
        gain, state, cost = cost - candidate_cost, candidate, candidate_cost
        if gain < TOLERANCE * cost:
            break
    return state


def _solve(system: System, damping: float, free_shape: bool) -> tuple[FloatArray, FloatArray]:
    """The step (N, 27) of the poses and (31,) of the shape."""
    N = len(system.pose)
    diagonal = np.arange(NUM_POSE)
    damped = system.pose.copy()
    damped[:, diagonal, diagonal] *= 1.0 + damping
    factor = _factor(damped, system.step)
    if not free_shape:
        step = cho_solve_banded((factor, True), -system.pose_gradient.ravel(), check_finite=False)
        return step.reshape(N, NUM_POSE), np.zeros(NUM_SHAPE)
    # Half way to the solution of all columns together, for what it takes of the shape; the rest for the step alone.
    right = np.concatenate([system.pose_gradient[..., None], system.border], axis=-1).reshape(-1, 1 + NUM_SHAPE)
    half, _ = dtbtrs(factor, right, uplo="L")
    reduced = system.shape - half[:, 1:].T @ half[:, 1:]
    reduced[np.diag_indices(NUM_SHAPE)] += damping * np.diag(system.shape)
    shape_step = -np.linalg.solve(reduced, system.shape_gradient - half[:, 1:].T @ half[:, 0])
    step, _ = dtbtrs(factor, -(half[:, 0] + half[:, 1:] @ shape_step), uplo="L", trans="T")
    return step.reshape(N, NUM_POSE), shape_step


def _factor(pose: FloatArray, step: FloatArray) -> FloatArray:
    """Banded Cholesky factor of blocks (N, 27, 27) on the diagonal, coupled by the diagonals `step` (N - 1, 27)."""
    N = len(pose)
    band = np.zeros((NUM_POSE + 1, N, NUM_POSE))
    for offset in range(NUM_POSE):
        columns = np.arange(NUM_POSE - offset)
        band[offset, :, columns] = pose[:, columns + offset, columns].T
    band[NUM_POSE, :-1] = step
    return np.asarray(cholesky_banded(band.reshape(NUM_POSE + 1, -1), lower=True, check_finite=False))


def _by_shape(system: System) -> FloatArray:
    """(N, 27, 31) how the poses follow the shape, its sign reversed."""
    border = system.border.reshape(-1, NUM_SHAPE)
    solved = cho_solve_banded((_factor(system.pose, system.step), True), border, check_finite=False)
    return np.asarray(solved.reshape(system.border.shape))


def _shape_covariance(system: System, by_shape: FloatArray) -> FloatArray:
    """(31, 31) of the shape, the poses being free."""
    coupled = system.border.reshape(-1, NUM_SHAPE).T @ by_shape.reshape(-1, NUM_SHAPE)
    return np.asarray(np.linalg.inv(system.shape - coupled), dtype=np.float64)


def _finish(problem: HandProblem, state: HandState, shape_covariance: FloatArray | None = None) -> HandFit:
    system = problem.linearized(state)
    by_shape = _by_shape(system)
    if shape_covariance is None:
        shape_covariance = _shape_covariance(system, by_shape)
    position = by_shape[:, 3:6]
    alone = np.linalg.inv(system.pose)[:, 3:6, 3:6]
    covariance = alone + position @ shape_covariance @ np.swapaxes(position, 1, 2)
    return HandFit(problem.landmarks(state), covariance, float(np.exp(state.shape[0])))
