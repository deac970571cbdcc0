"""The articulated hand: bones keep their lengths, derivatives are those of the function, fingers bend to the palm."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.rotations import FloatArray, matrix_from_rotvec
from humandata.schemas.landmarks import HAND_BONES, HandLandmark
from humandata.trajectories import hand_priors as prior
from humandata.trajectories.hand_model import NUM_ANGLES, PALM, PHALANGES, HandShape, pose_hand
from humandata.trajectories.hand_system import NUM_POSE, NUM_SHAPE, Evidence, HandProblem, HandState

SHAPE = HandShape(0.187 * PALM, 0.187 * PHALANGES)


def some_angles(seed: int, num: int = 3) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(prior.ANGLE_MIN, prior.ANGLE_MAX, (num, NUM_ANGLES)))


def some_problem(seed: int, num_frames: int = 4) -> tuple[HandProblem, HandState]:
    """A problem whose evidence does not agree with the state: every residual and every prior has a say."""
    rng = np.random.default_rng(seed)
    evidence = Evidence(
        seconds=np.cumsum(rng.uniform(0.02, 0.2, num_frames)),
        rays=rng.normal(scale=0.1, size=(num_frames, 21, 2)),
        rays_sigma=rng.uniform(0.02, 0.05, num_frames),
        bone_slopes=rng.uniform(-1.0, 1.0, (num_frames, 20)),
        bone_slope_sigma=np.full(num_frames, 0.7),
        depth_m=np.where(rng.uniform(size=(num_frames, 21)) < 0.5, rng.normal(0.5, 0.02, (num_frames, 21)), np.nan),
        depth_sigma_m=np.full(num_frames, 0.02),
    )
    state = HandState(
        matrix_from_rotvec(rng.normal(size=3) + rng.normal(scale=0.02, size=(num_frames, 3))),
        np.array([0.0, 0.0, 0.5]) + rng.normal(scale=0.03, size=(num_frames, 3)),
        some_angles(seed, num_frames) * 1.1,
        rng.normal(scale=0.02, size=NUM_SHAPE),
    )
    return HandProblem(evidence, 0.187, 0.06, prior.Motion()), state


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_bones_keep_their_lengths_whatever_the_angles(seed: int) -> None:
    points = pose_hand(SHAPE, some_angles(seed)).points
    lengths = np.stack([np.linalg.norm(points[:, b] - points[:, a], axis=-1) for a, b in HAND_BONES], axis=1)
    np.testing.assert_allclose(lengths[:, [1, 2, 3]], np.broadcast_to(SHAPE.phalanges[0], (3, 3)))
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape))


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_the_derivative_by_angles_is_the_derivative(seed: int) -> None:
    angles = some_angles(seed, 1)
    exact = pose_hand(SHAPE, angles).by_angle[0]
    step = 1e-6 * np.eye(NUM_ANGLES)
    numeric = (pose_hand(SHAPE, angles + step).points - pose_hand(SHAPE, angles - step).points) / 2e-6
    np.testing.assert_allclose(exact, np.moveaxis(numeric, 0, -1), atol=1e-8)


def test_the_hand_frame_is_that_of_the_end_effector() -> None:
    points = pose_hand(SHAPE, np.zeros((1, NUM_ANGLES))).points[0]
    # The knuckles of the template rise a little out of the plane that the EE rule takes them to lie in.
    np.testing.assert_allclose(palm_frame(points, "right")[:3, :3], np.eye(3), atol=0.12)


def test_fingers_bend_towards_the_palm_and_the_thumb_towards_them() -> None:
    straight = pose_hand(SHAPE, np.zeros((1, NUM_ANGLES))).points[0]
    bent = np.zeros((1, NUM_ANGLES))
    bent[:, 6::4] = 0.8
    fist = pose_hand(SHAPE, bent).points[0]
    tips = [HandLandmark.INDEX_TIP, HandLandmark.MIDDLE_TIP, HandLandmark.RING_TIP, HandLandmark.PINKY_TIP]
    assert (fist[tips, 0] > straight[tips, 0] + 0.03).all()
    pinch = np.zeros((1, NUM_ANGLES))
    pinch[:, 1] = 0.4
    closer = pose_hand(SHAPE, pinch).points[0][HandLandmark.THUMB_TIP, 1]
    assert closer < straight[HandLandmark.THUMB_TIP, 1] - 0.02


@given(st.integers(0, 10_000))
@settings(max_examples=8, deadline=None)
def test_the_gradient_of_the_system_is_that_of_the_cost(seed: int) -> None:
    problem, state = some_problem(seed)
    system = problem.linearized(state)
    rng = np.random.default_rng(seed)
    pose, shape = rng.normal(size=(4, NUM_POSE)), rng.normal(size=NUM_SHAPE)
    step = 1e-6
    difference = problem.cost(state.moved(step * pose, step * shape)) - problem.cost(
        state.moved(-step * pose, -step * shape)
    )
    predicted = 2.0 * (np.sum(system.pose_gradient * pose) + system.shape_gradient @ shape)
    # To first order in the angle between frames, which is a few degrees, and in the step.
    np.testing.assert_allclose(difference / (2.0 * step), predicted, rtol=0.02, atol=1.0)
