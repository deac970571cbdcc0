from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from humandata.embodiments.human_hands import aperture_m
from humandata.schemas.landmarks import HandLandmark, Side
from humandata.studio.clip import render_clip
from humandata.studio.clip_truth import clip_truth, covered_landmarks
from humandata.studio.gesture_clip import plan_gesture_clip
from humandata.studio.gestures import Gesture, gesture_hand
from humandata.studio.human import sample_person

TIME_S = np.arange(60) / 20.0
PERSON = sample_person(np.random.default_rng(2))


def test_the_wrist_stays_in_reach_and_the_pinch_in_its_range() -> None:
    gesture = Gesture()
    track = gesture_hand("right", PERSON, gesture, TIME_S, np.random.default_rng(0))
    away = np.abs(track.landmarks_world[:, HandLandmark.WRIST] - gesture.centre_m)
    assert np.all(away <= gesture.reach_m)
    assert np.all(away.max(axis=0) > 0.2 * np.array(gesture.reach_m))
    aperture = aperture_m(track.landmarks_world) / PERSON.hand.scale
    low, high = gesture.aperture_m
    assert low - 1e-6 <= aperture.min() < aperture.max() <= high + 1e-6
    # Nothing jumps: at 20 Hz a hand that reaches 7 cm at half a hertz moves by less than 2 cm from frame to frame.
    assert np.linalg.norm(np.diff(track.landmarks_world, axis=0), axis=-1).max() < 0.02


def test_a_left_hand_does_the_mirror_image() -> None:
    left, right = (
        gesture_hand(side, PERSON, Gesture(), TIME_S, np.random.default_rng(0)) for side in ("left", "right")
    )
    np.testing.assert_allclose(left.landmarks_world, right.landmarks_world * [1.0, -1.0, 1.0], atol=1e-12)


def test_supination_turns_the_thumb_up() -> None:
    still = Gesture(reach_m=(0.0, 0.0, 0.0), turn_rad=(0.0, 0.0, 0.0), supination_rad=0.0)
    flat, upright = (
        gesture_hand("right", PERSON, replace(still, supination_rad=angle), TIME_S[:1], np.random.default_rng(0))
        for angle in (0.0, np.pi / 2)
    )
    index, pinky = HandLandmark.INDEX_MCP, HandLandmark.PINKY_MCP
    across = [track.landmarks_world[0, index] - track.landmarks_world[0, pinky] for track in (flat, upright)]
    assert abs(across[0][2]) < 0.02
    assert across[1][2] > 0.04


@pytest.mark.parametrize(("below", "above"), [("left", "right"), ("right", "left")])
def test_a_hand_under_another_is_not_visible(below: Side, above: Side) -> None:
    still = Gesture(centre_m=(0.0, 0.0, 0.12), reach_m=(0.0, 0.0, 0.0), turn_rad=(0.0, 0.0, 0.0))
    raised = replace(still, centre_m=(-0.035, 0.0, 0.3))
    clip = plan_gesture_clip(1, {below: still, above: raised}, duration_s=0.1, frame_rate=10, width=160, height=120)
    [rendering] = render_clip(clip)
    covered = covered_landmarks(clip, 0, rendering)
    assert covered[below].mean() > 0.5
    assert not covered[above].any()
    visible = clip_truth(clip, [covered]).hands
    assert not visible[below].visible[0]
    assert visible[above].visible[0]
    assert clip_truth(clip).hands[below].visible[0]
