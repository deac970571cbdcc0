from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from humandata.embodiments.human_hands import aperture_m
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform
from humandata.studio.hand_pose import APERTURE_RANGE_M, hand_pose_at_tool, pinch_angles, pinch_frame_in_hand
from humandata.studio.hand_shape import REFERENCE_HAND, Bone, HandShape, sample_hand_shape
from humandata.studio.hand_skeleton import DOF_RANGE, NUM_DOF, Dof, bone_transforms, landmarks


@settings(max_examples=30)
@given(st.floats(0.02, 0.09), st.integers(0, 1000))
def test_the_tips_are_exactly_as_far_apart_as_asked(wanted_m: float, seed: int) -> None:
    hand = sample_hand_shape(np.random.default_rng(seed))
    angles = pinch_angles([wanted_m], hand)
    np.testing.assert_allclose(aperture_m(landmarks(angles, hand)), wanted_m, atol=1e-9)


def test_an_aperture_out_of_reach_is_clipped_to_the_hand() -> None:
    angles = pinch_angles([0.0, 1.0], REFERENCE_HAND)
    np.testing.assert_allclose(aperture_m(landmarks(angles)), APERTURE_RANGE_M, atol=1e-9)


def test_a_pinch_opens_smoothly_within_the_range_of_every_joint() -> None:
    apertures = np.linspace(*APERTURE_RANGE_M, 200)
    angles = pinch_angles(apertures, REFERENCE_HAND)
    assert np.all((angles >= DOF_RANGE[:, 0]) & (angles <= DOF_RANGE[:, 1]))
    # 0.47 mm from one posture to the next turns no joint by more than a degree.
    assert np.abs(np.diff(angles, axis=0)).max() < np.radians(1.0)


def test_the_pulps_of_thumb_and_index_face_each_other() -> None:
    T_hand_bone = bone_transforms(pinch_angles([0.03, 0.06], REFERENCE_HAND))
    closing = pinch_frame_in_hand(T_hand_bone, REFERENCE_HAND)[:, :3, 0]
    # Within 60 degrees of squarely: a pulp grips on its side as well as on its middle.
    assert np.all(np.sum(T_hand_bone[:, Bone.INDEX_DISTAL, :3, 0] * closing, axis=1) > 0.5)
    assert np.all(np.sum(T_hand_bone[:, Bone.THUMB_DISTAL, :3, 0] * -closing, axis=1) > 0.5)


def test_idle_fingers_curl_as_told_without_moving_the_pinch() -> None:
    relaxed = np.zeros(NUM_DOF)
    relaxed[[Dof.PINKY_PIP, Dof.INDEX_PIP]] = 0.2
    plain, curled = (pinch_angles([0.05], REFERENCE_HAND, extra)[0] for extra in (None, relaxed))
    assert curled[Dof.PINKY_PIP] == pytest.approx(plain[Dof.PINKY_PIP] + 0.2)
    assert curled[Dof.INDEX_PIP] == plain[Dof.INDEX_PIP]


def test_the_pinch_lands_on_the_tool() -> None:
    rng = np.random.default_rng(1)
    T_world_tool = make_transform(matrix_from_rotvec(rng.normal(size=(6, 3))), rng.normal(size=(6, 3)))
    hand = HandShape(0.17)
    T_hand_bone = bone_transforms(pinch_angles(np.linspace(0.02, 0.08, 6), hand), hand)
    T_world_hand = hand_pose_at_tool(T_world_tool, T_hand_bone, hand)
    np.testing.assert_allclose(T_world_hand @ pinch_frame_in_hand(T_hand_bone, hand), T_world_tool, atol=1e-12)
