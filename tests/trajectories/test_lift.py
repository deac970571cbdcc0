"""Lifting: exact where the hand is the assumed one, steady where the detector's guess of size is not."""

from __future__ import annotations

import numpy as np
import pytest
from hand_builders import CAMERA, hand_of

from humandata.geometry.rotations import FloatArray, matrix_from_rotvec
from humandata.schemas.landmarks import SIDES, Side
from humandata.trajectories.associate import HandObservations
from humandata.trajectories.lift import LiftSettings, constant_size, lift

SETTINGS = LiftSettings()


def average_hand(side: Side) -> FloatArray:
    """A hand (21, 3) with the bones that the lifter assumes."""
    return np.asarray(constant_size(hand_of(side)[None], SETTINGS.hand_length_m)[0])


def observe(landmarks_camera: FloatArray, sizes: FloatArray) -> HandObservations:
    centred = landmarks_camera - landmarks_camera.mean(axis=1, keepdims=True)
    return HandObservations(CAMERA.project(landmarks_camera), centred * sizes[:, None, None], np.full(len(sizes), 0.9))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("depth", [0.3, 0.8, 2.5])
def test_a_hand_of_average_bones_is_found_where_it_is(side: Side, depth: float) -> None:
    rng = np.random.default_rng(0)
    R = matrix_from_rotvec(rng.normal(scale=0.7, size=(20, 3)))
    position = np.stack([rng.uniform(-0.3, 0.3, 20), rng.uniform(-0.2, 0.2, 20), np.ones(20)], axis=-1) * depth
    truth = average_hand(side) @ np.swapaxes(R, -1, -2) + position[:, None]
    lifted = lift(observe(truth, rng.uniform(0.5, 1.5, 20)), CAMERA, SETTINGS)
    # Exact but for where the iteration stops: a hundredth of a millimetre at arm's length.
    np.testing.assert_allclose(lifted.landmarks_camera, truth, atol=2e-5 * max(1.0, depth))
    assert np.nanmax(lifted.reprojection_px) < 1e-2


def test_the_size_of_the_guess_does_not_move_the_hand() -> None:
    truth = np.repeat((average_hand("right") + [0.05, 0.0, 0.5])[None], 2, axis=0)
    lifted = lift(observe(truth, np.array([0.5, 1.0])), CAMERA, SETTINGS).landmarks_camera
    np.testing.assert_allclose(lifted[0], lifted[1], atol=1e-6)


def test_depth_scales_with_the_length_of_the_hand() -> None:
    truth = (average_hand("right") + [0.0, 0.0, 0.5])[None]
    larger = LiftSettings(hand_length_m=SETTINGS.hand_length_m * 1.1)
    lifted = lift(observe(truth, np.ones(1)), CAMERA, larger).landmarks_camera
    np.testing.assert_allclose(lifted, truth * 1.1, atol=1e-4)


def test_bones_keep_their_lengths_and_directions() -> None:
    rng = np.random.default_rng(1)
    guesses = hand_of("left") * rng.uniform(0.5, 2.0, (8, 1, 1)) + rng.normal(scale=0.002, size=(8, 21, 3))
    sized = constant_size(guesses, 0.19)
    middle = np.linalg.norm(np.diff(sized[:, [0, 9, 10, 11, 12]], axis=1), axis=-1)
    np.testing.assert_allclose(middle, middle[:1].repeat(8, axis=0))
    np.testing.assert_allclose(middle[0].sum(), 0.99 * 0.19, rtol=1e-6)  # the cited shares add up to 0.99
    bone, guess = sized[:, 6] - sized[:, 5], guesses[:, 6] - guesses[:, 5]
    np.testing.assert_allclose(np.cross(bone, guess), 0.0, atol=1e-9)


def test_pixels_that_are_no_hand_are_given_up() -> None:
    rng = np.random.default_rng(2)
    noise = HandObservations(
        rng.uniform(0, 400, (5, 21, 2)), np.repeat(hand_of("right")[None], 5, axis=0), np.full(5, 0.9)
    )
    lifted = lift(noise, CAMERA, SETTINGS)
    assert np.isnan(lifted.landmarks_camera).all()
    assert np.isfinite(lifted.reprojection_px).any()


def test_a_frame_without_a_hand_stays_missing() -> None:
    truth = np.repeat((average_hand("right") + [0.0, 0.0, 0.5])[None], 3, axis=0)
    observations = observe(truth, np.ones(3))
    observations.confidence[1] = np.nan
    assert np.isfinite(lift(observations, CAMERA, SETTINGS).landmarks_camera).all(axis=(1, 2)).tolist() == [
        True,
        False,
        True,
    ]
