"""One hand shape and a smooth sequence of poses, fitted to all that was seen of a hand."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.linalg.lapack import dtbtrs

from humandata.arrays import FloatArray
from humandata.trajectories.hand_evidence import Evidence
from humandata.trajectories.hand_priors import ANGLE_MEAN, Motion
from humandata.trajectories.hand_system import NUM_POSE, NUM_SHAPE, HandProblem, HandState, System

WINDOW = 450
"""Frames solved for at once, which bounds the memory: about 60 kB a frame."""
OVERLAP = 30
"""Frames that two windows share, of which each drops its outer half."""
MAX_ITERATIONS = 20
POOR_COST = 4.0
"""Cost a frame above which a fit is tried from another start, too; two in three of the studio's clips stay below it."""
TOLERANCE = 1e-3
"""Share of the cost below which an improvement ends the fit."""
_UPPER = np.triu(np.ones((NUM_POSE, NUM_POSE))).ravel()


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
        return _finish(problem, _settle(problem, start, free_shape=True))
    spread = np.linspace(0, N - 1, WINDOW).round().astype(np.int64)
    problem = HandProblem(evidence.take(spread), hand_length_m, length_sd, motion)
    sample = _settle(problem, start.take(spread), free_shape=True)
    system = problem.linearized(sample)
    half = _half_solved(_factor(system), np.ascontiguousarray(_columns(system.border)))
    shape_covariance = _shape_covariance(system, half)
    start = replace(start, shape=sample.shape)
    landmarks, covariance = np.empty((N, 21, 3)), np.empty((N, 3, 3))
    for first, last, keep in _windows(N):
        problem = HandProblem(evidence.take(slice(first, last)), hand_length_m, length_sd, motion)
        state = _settle(problem, start.take(slice(first, last)), free_shape=False)
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


def _settle(problem: HandProblem, guess: HandState, free_shape: bool) -> HandState:
    """The best fit from a guess, and where that explains little, from the same hands tilted the other way.

    A picture with little perspective shows the same of a hand that points away and of one that points here (Necker's
    cube). The limits of the joints tell them apart, but the way from one to the other is uphill.
    """
    state = _minimize(problem, guess, free_shape)
    if problem.cost(state) <= POOR_COST * len(guess.position):
        return state
    return min(state, _minimize(problem, _tilted_back(guess), free_shape), key=problem.cost)


def _tilted_back(hands: HandState) -> HandState:
    """Mirrored in depth, at a plane across the ray through each wrist, but for the palm's own side."""
    ray = hands.position / np.linalg.norm(hands.position, axis=1, keepdims=True)
    depth = np.einsum("ni,nij->nj", ray, hands.R_camera_hand)
    mirrored = hands.R_camera_hand - 2.0 * ray[:, :, None] * depth[:, None, :]
    return replace(hands, R_camera_hand=mirrored * [-1.0, 1.0, 1.0])


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
    factor = _factor(system, damping)
    if not free_shape:
        step = cho_solve_banded((factor, True), -system.pose_gradient.ravel(), check_finite=False)
        return step.reshape(N, NUM_POSE), np.zeros(NUM_SHAPE)
    # Half way to the solution of all columns together, for what it takes of the shape; the rest for the step alone.
    half = _half_solved(factor, np.concatenate([system.pose_gradient.reshape(1, -1), _columns(system.border)]))
    reduced = system.shape - half[:, 1:].T @ half[:, 1:]
    reduced[np.diag_indices(NUM_SHAPE)] += damping * np.diag(system.shape)
    gradient = half[:, 1:].T @ half[:, 0] - system.shape_gradient
    shape_step = np.asarray(np.linalg.solve(reduced, gradient), dtype=np.float64)
    step, _ = dtbtrs(factor, -(half[:, 0] + half[:, 1:] @ shape_step), uplo="L", trans="T")
    return step.reshape(N, NUM_POSE), shape_step


def _factor(system: System, damping: float = 0.0) -> FloatArray:
    """Banded Cholesky factor of the poses' part of a system, its diagonal raised by a share of itself.

    A row of LAPACK's band is a column of the matrix from the diagonal on. Rows of 28 hold those of 27 that the blocks
    are made of, each a place further to the left than the one before: exactly what makes the diagonal come first.
    """
    N = len(system.pose)
    band = np.zeros((N, NUM_POSE, NUM_POSE + 1))
    blocks = band.reshape(N, -1)[:, : NUM_POSE**2]
    np.multiply(system.pose.reshape(N, -1), _UPPER, out=blocks)
    band[..., 0] *= 1.0 + damping
    band[:-1, :, NUM_POSE] = system.step
    lower = band.reshape(-1, NUM_POSE + 1).T
    return np.asarray(cholesky_banded(lower, overwrite_ab=True, lower=True, check_finite=False))


def _columns(border: FloatArray) -> FloatArray:
    """(31, N * 27) of (N, 27, 31)."""
    return border.reshape(-1, NUM_SHAPE).T


def _half_solved(factor: FloatArray, columns: FloatArray) -> FloatArray:
    """(N * 27, K) the columns (K, N * 27) after the first of the two triangular solutions."""
    half, _ = dtbtrs(factor, columns.T, uplo="L", overwrite_b=True)
    return np.asarray(half)


def _shape_covariance(system: System, half: FloatArray) -> FloatArray:
    """(31, 31) of the shape, the poses being free, given its columns solved half way."""
    return np.asarray(np.linalg.inv(system.shape - half.T @ half), dtype=np.float64)


def _finish(problem: HandProblem, state: HandState, shape_covariance: FloatArray | None = None) -> HandFit:
    system = problem.linearized(state)
    factor = _factor(system)
    half = _half_solved(factor, np.ascontiguousarray(_columns(system.border)))
    if shape_covariance is None:
        shape_covariance = _shape_covariance(system, half)
    by_shape, _ = dtbtrs(factor, half, uplo="L", trans="T", overwrite_b=True)
    position = by_shape.reshape(system.border.shape)[:, 3:6]
    alone = np.linalg.solve(system.pose, np.eye(NUM_POSE)[:, 3:6])[:, 3:6]
    covariance = alone + position @ shape_covariance @ np.swapaxes(position, 1, 2)
    return HandFit(problem.landmarks(state), covariance, float(np.exp(state.shape[0])))
