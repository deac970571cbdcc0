"""The articulated hand: bones keep their lengths, derivatives are those of the function, fingers bend to the palm."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from humandata.arrays import FloatArray
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.schemas.landmarks import HAND_BONES, HandLandmark
from humandata.trajectories import hand_priors as prior
from humandata.trajectories.hand_evidence import Evidence
from humandata.trajectories.hand_model import ANGLES_OF, NUM_ANGLES, PALM, PHALANGES, HandShape, pose_hand
from humandata.trajectories.hand_system import NUM_POSE, NUM_SHAPE, HandProblem, HandState

SHAPE = HandShape(0.187 * PALM, 0.187 * PHALANGES)


def some_angles(seed: int, num: int = 3) -> FloatArray:
    rng = np.random.default_rng(seed)
    return np.asarray(rng.uniform(prior.ANGLE_MIN, prior.ANGLE_MAX, (num, NUM_ANGLES)))


def some_problem(seed: int, num_frames: int = 4) -> tuple[HandProblem, HandState]:
    """A problem whose evidence does not agree with the state: every residual and every prior has a say."""
    rng = np.random.default_rng(seed)
    evidence = Evidence(
        seconds=np.cumsum(rng.uniform(0.02, 0.2, num_frames)),
        rays=rng.normal(scale=0.1, size=(2, 21, num_frames)),
        rays_sigma=rng.uniform(0.02, 0.05, num_frames),
        bone_slopes=rng.uniform(-1.0, 1.0, (20, num_frames)),
        bone_slope_sigma=np.full(num_frames, 0.7),
        depth_m=np.where(rng.uniform(size=(21, num_frames)) < 0.5, rng.normal(0.5, 0.02, (21, num_frames)), np.nan),
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
@settings(max_examples=10)
def test_bones_keep_their_lengths_whatever_the_angles(seed: int) -> None:
    points = pose_hand(SHAPE, some_angles(seed)).points
    lengths = np.stack([np.linalg.norm(points[:, b] - points[:, a], axis=-1) for a, b in HAND_BONES], axis=1)
    np.testing.assert_allclose(lengths[:, [1, 2, 3]], np.broadcast_to(SHAPE.phalanges[0], (3, 3)))
    np.testing.assert_allclose(lengths, np.broadcast_to(lengths[0], lengths.shape))


@given(st.integers(0, 10_000))
@settings(max_examples=10)
def test_the_derivative_by_angles_is_the_derivative(seed: int) -> None:
    angles = some_angles(seed, 1)
    own = pose_hand(SHAPE, angles).by_angle[..., 0]
    exact = np.zeros((NUM_ANGLES, 3, 5, 4))
    for finger, of_finger in enumerate(ANGLES_OF):
        exact[of_finger, :, finger] = own[:, : of_finger.stop - of_finger.start, finger].swapaxes(0, 1)
    step = 1e-6 * np.eye(NUM_ANGLES)
    numeric = (pose_hand(SHAPE, angles + step).fingers - pose_hand(SHAPE, angles - step).fingers) / 2e-6
    np.testing.assert_allclose(exact, np.moveaxis(numeric, -1, 0), atol=1e-8)


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
@settings(max_examples=8)
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


@given(st.integers(0, 10_000))
@settings(max_examples=8)
def test_the_system_is_the_curvature_of_the_cost_where_the_evidence_is_met(seed: int) -> None:
    problem, state = some_problem(seed)
    points = problem.landmarks(state).T
    bones = np.stack([points[:, child] - points[:, parent] for parent, child in HAND_BONES], axis=1)
    met = Evidence(
        seconds=np.arange(4) / 30.0,
        rays=points[:2] / points[2],
        rays_sigma=np.full(4, 0.02),
        bone_slopes=bones[2] / np.linalg.norm(bones, axis=0),
        bone_slope_sigma=np.full(4, 0.7),
        depth_m=np.where(np.arange(21)[:, None] % 2, points[2], np.nan),
        depth_sigma_m=np.full(4, 0.02),
    )
    problem = HandProblem(met, 0.187, 0.06, prior.Motion())
    system, step = problem.linearized(state), 1e-4
    rng = np.random.default_rng(seed)
    pose, shape = rng.normal(size=(4, NUM_POSE)), rng.normal(size=NUM_SHAPE)
    around = [problem.cost(state.moved(sign * step * pose, sign * step * shape)) for sign in (-1, 0, 1)]
    predicted = np.einsum("na,nab,nb", pose, system.pose, pose) + shape @ system.shape @ shape
    predicted += 2.0 * np.einsum("na,nab,b", pose, system.border, shape) + 2.0 * np.sum(
        pose[1:] * system.step * pose[:-1]
    )
    # To first order in the angle between frames, and without what a joint beyond its limit adds between two steps.
    np.testing.assert_allclose((around[0] - 2.0 * around[1] + around[2]) / (2.0 * step**2), predicted, rtol=0.02)
