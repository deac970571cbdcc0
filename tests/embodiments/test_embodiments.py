from __future__ import annotations

import numpy as np
import pytest
from builders import make_episode
from hypothesis import given
from hypothesis import strategies as st

from humandata.embodiments import EMBODIMENTS, get_embodiment
from humandata.embodiments.human_hands import aperture_m, palm_frame, pinch_frame, wrist_frame
from humandata.errors import UsageError
from humandata.geometry.transforms import apply
from humandata.schemas.landmarks import SIDES, HandLandmark, Side

RIGHT_HAND_UPRIGHT = np.zeros((21, 3))
"""Palm towards +x, fingers along +z, thumb on the +y side, as a right hand held up to a viewer on the +x axis."""
for landmark, place in {
    HandLandmark.INDEX_MCP: (0.0, 0.03, 0.09),
    HandLandmark.MIDDLE_MCP: (0.0, 0.0, 0.09),
    HandLandmark.RING_MCP: (0.0, -0.02, 0.085),
    HandLandmark.PINKY_MCP: (0.0, -0.04, 0.08),
    HandLandmark.THUMB_TIP: (0.03, 0.06, 0.08),
    HandLandmark.INDEX_TIP: (0.05, 0.03, 0.12),
}.items():
    RIGHT_HAND_UPRIGHT[landmark] = place
MIRROR = np.array([1.0, -1.0, 1.0])


@pytest.mark.parametrize("name", EMBODIMENTS)
def test_every_embodiment_keeps_the_contract(name: str) -> None:
    embodiment = get_embodiment(name)
    assert embodiment.name == name
    assert embodiment.arms
    assert set(embodiment.arms) <= set(SIDES)
    R = embodiment.T_tool_ee[:3, :3]
    np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-12)
    assert np.linalg.det(R) == pytest.approx(1.0)
    assert all(get_embodiment(alias) is embodiment for alias in embodiment.aliases)


@pytest.mark.parametrize("name", EMBODIMENTS)
@given(opening=st.floats(0.0, 1.0))
def test_gripper_readings_round_trip_and_one_is_open(name: str, opening: float) -> None:
    gripper = get_embodiment(name).gripper
    assert gripper.opening(gripper.reading(opening)) == pytest.approx(opening)
    assert gripper.opening(gripper.open) == 1.0
    assert gripper.opening(gripper.closed) == 0.0


def test_an_unknown_embodiment_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'franka_panda'"):
        get_embodiment("franka_pandas")


@pytest.mark.parametrize("frame", [palm_frame, pinch_frame, wrist_frame])
def test_axes_of_a_hand_held_up(frame) -> None:  # type: ignore[no-untyped-def]
    # palm out is +x, towards the fingers is +z, for the right hand and its mirror image
    np.testing.assert_allclose(frame(RIGHT_HAND_UPRIGHT, "right")[:3, :3], np.eye(3), atol=1e-12)
    np.testing.assert_allclose(frame(RIGHT_HAND_UPRIGHT * MIRROR, "left")[:3, :3], np.eye(3), atol=1e-12)


@pytest.mark.parametrize("side", SIDES)
def test_frames_move_with_the_hand(side: Side) -> None:
    hand = RIGHT_HAND_UPRIGHT * (MIRROR if side == "left" else 1.0)
    T_world_hand = make_episode(1).arms["right"].T_world_ee
    moved = apply(T_world_hand, np.broadcast_to(hand, (len(T_world_hand), 21, 3)))
    np.testing.assert_allclose(palm_frame(moved, side), T_world_hand @ palm_frame(hand, side), atol=1e-12)


def test_origins_follow_the_rules() -> None:
    landmarks = RIGHT_HAND_UPRIGHT
    palm = landmarks[[0, 5, 9, 13]].mean(axis=0)
    np.testing.assert_allclose(palm_frame(landmarks, "right")[:3, 3], palm)
    np.testing.assert_allclose(pinch_frame(landmarks, "right")[:3, 3], (landmarks[4] + landmarks[8]) / 2)
    assert aperture_m(landmarks) == pytest.approx(np.linalg.norm(landmarks[4] - landmarks[8]))


def test_a_missing_hand_has_no_frame() -> None:
    assert np.isnan(palm_frame(np.full((21, 3), np.nan), "right")).all()
