from __future__ import annotations

import numpy as np
import pytest

from humandata.arrays import FloatArray
from humandata.embodiments.human_hands import wrist_frame
from humandata.schemas.landmarks import HAND_BONES, HandLandmark
from humandata.studio.hand_shape import HAND_LENGTH_RANGE_M, REFERENCE_LENGTH_M, HandShape
from humandata.studio.hand_skeleton import (
    DOF_RANGE,
    NUM_DOF,
    Dof,
    bone_transforms,
    landmarks,
    mirrored,
)


def _random_angles(count: int) -> FloatArray:
    low, high = DOF_RANGE.T
    return np.random.default_rng(0).uniform(low, high, (count, NUM_DOF))


def _bone_lengths(points: FloatArray) -> FloatArray:
    start, end = np.array(HAND_BONES).T
    return np.asarray(np.linalg.norm(points[..., end, :] - points[..., start, :], axis=-1))


def test_bones_keep_their_length_whatever_the_posture() -> None:
    lengths = _bone_lengths(landmarks(_random_angles(50)))
    moving = [k for k, (parent, child) in enumerate(HAND_BONES) if (parent, child) != (0, 1)]
    # The first thumb landmark lies on the metacarpal, beyond the joint it turns in: its distance to the wrist varies.
    np.testing.assert_allclose(lengths[:, moving], np.broadcast_to(lengths[0, moving], (50, 19)), atol=1e-12)


@pytest.mark.parametrize("length_m", HAND_LENGTH_RANGE_M)
def test_a_hand_is_scaled_as_a_whole(length_m: float) -> None:
    angles = _random_angles(5)
    expected = landmarks(angles) * length_m / REFERENCE_LENGTH_M
    np.testing.assert_allclose(landmarks(angles, HandShape(length_m)), expected, atol=1e-12)


def test_the_flat_hand_is_about_as_long_as_its_name_says() -> None:
    points = landmarks(np.zeros(NUM_DOF))
    bony = np.linalg.norm(points[HandLandmark.MIDDLE_TIP] - points[HandLandmark.WRIST])
    # The wrist crease lies behind the carpus' centre and the flesh of the tip beyond the bone: 5 to 15 mm together.
    assert 0.005 < REFERENCE_LENGTH_M - bony < 0.015


def test_the_hand_frame_is_the_wrist_frame_of_the_embodiment() -> None:
    points = landmarks(_random_angles(10))
    # The knuckles' transverse arch is given to a tenth of a millimetre: 1e-3 rad over the palm's breadth.
    np.testing.assert_allclose(wrist_frame(points, "right"), np.broadcast_to(np.eye(4), (10, 4, 4)), atol=1e-3)
    np.testing.assert_allclose(wrist_frame(mirrored(points), "left"), np.broadcast_to(np.eye(4), (10, 4, 4)), atol=1e-3)


def test_bending_a_finger_moves_its_tip_out_of_the_palm_and_abduction_towards_the_thumb() -> None:
    flat = np.zeros(NUM_DOF)
    bent, spread = flat.copy(), flat.copy()
    bent[Dof.RING_MCP] = 0.5
    spread[Dof.RING_ABDUCTION] = 0.2
    tip = HandLandmark.RING_TIP
    assert (landmarks(bent) - landmarks(flat))[tip, 0] > 0.03
    assert (landmarks(spread) - landmarks(flat))[tip, 1] > 0.01


def test_bones_are_rigid() -> None:
    R = bone_transforms(_random_angles(20))[..., :3, :3]
    np.testing.assert_allclose(R @ np.swapaxes(R, -1, -2), np.broadcast_to(np.eye(3), R.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(R), 1.0, atol=1e-12)
