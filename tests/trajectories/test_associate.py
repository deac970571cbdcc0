"""Identity: one hand is one track, and the arms are not swapped."""

from __future__ import annotations

import numpy as np
from hand_builders import CAMERA, detection, moving_hand, timestamps

from humandata.hands.estimator import HandDetection
from humandata.schemas.landmarks import Side
from humandata.trajectories.associate import AssociateSettings, HandObservations, associate, settle_sides

NUM_FRAMES = 30
LEFT = moving_hand("left", NUM_FRAMES, x=-0.15)
RIGHT = moving_hand("right", NUM_FRAMES, x=0.15)


def run(detections: list[list[HandDetection]]) -> dict[Side, HandObservations]:
    settings = AssociateSettings()
    return associate(timestamps(len(detections)), detections, CAMERA.width, settings)


def both(index: int) -> list[HandDetection]:
    return [detection(RIGHT[index], "right"), detection(LEFT[index], "left")]


def test_two_hands_become_two_tracks() -> None:
    hands = run([both(index) for index in range(NUM_FRAMES)])
    assert hands["left"].seen.all()
    assert hands["right"].seen.all()
    np.testing.assert_allclose(hands["left"].landmarks_px, CAMERA.project(LEFT))


def test_a_flicker_of_handedness_does_not_swap_the_arms() -> None:
    frames = [both(index) for index in range(NUM_FRAMES)]
    for index in (5, 6, 17):
        frames[index] = [detection(RIGHT[index], "left", 0.6), detection(LEFT[index], "right", 0.7)]
    hands = run(frames)
    np.testing.assert_allclose(hands["right"].landmarks_px, CAMERA.project(RIGHT))


def test_duplicates_of_one_hand_are_one_hand() -> None:
    frames = [
        [detection(RIGHT[index], "right", 0.9), detection(RIGHT[index] + 0.003, "left", 0.6)]
        for index in range(NUM_FRAMES)
    ]
    hands = run(frames)
    assert hands["right"].seen.all()
    assert not hands["left"].seen.any()


def test_two_hands_that_claim_one_side_take_both_sides() -> None:
    frames = [
        [detection(RIGHT[index], "right", 0.95), detection(LEFT[index], "right", 0.55)] for index in range(NUM_FRAMES)
    ]
    hands = run(frames)
    np.testing.assert_allclose(hands["right"].landmarks_px, CAMERA.project(RIGHT))
    np.testing.assert_allclose(hands["left"].landmarks_px, CAMERA.project(LEFT))


def test_a_third_hand_is_left_out() -> None:
    third = moving_hand("right", NUM_FRAMES, x=0.0)
    frames = [[*both(index), detection(third[index], "right", 0.5)] for index in range(NUM_FRAMES)]
    hands = run(frames)
    np.testing.assert_allclose(hands["right"].landmarks_px, CAMERA.project(RIGHT))
    np.testing.assert_allclose(hands["left"].landmarks_px, CAMERA.project(LEFT))


def test_a_flash_of_one_frame_is_a_false_alarm() -> None:
    frames: list[list[HandDetection]] = [[] for _ in range(NUM_FRAMES)]
    frames[10] = [detection(RIGHT[10], "right")]
    assert not run(frames)["right"].seen.any()


def test_when_one_hand_is_lost_where_the_other_appears_the_track_does_not_pass_over() -> None:
    frames: list[list[HandDetection]] = [[detection(RIGHT[index], "right")] for index in range(12)]
    frames += [[], []]
    frames += [[detection(RIGHT[index] - [0.02, 0.0, 0.0], "left")] for index in range(14, NUM_FRAMES)]
    hands = run(frames)
    assert hands["right"].seen[:12].all()
    assert not hands["right"].seen[12:].any()
    assert hands["left"].seen[14:].all()


def test_no_detections_give_no_hands() -> None:
    hands = run([[] for _ in range(5)])
    assert not hands["left"].seen.any()
    assert hands["left"].landmarks_px.shape == (5, 21, 2)


def test_a_track_settles_the_side_of_each_of_its_hands_before_any_is_reconstructed() -> None:
    right, left = moving_hand("right", 10, x=-0.15), moving_hand("left", 10, x=0.15)
    frames = [[detection(a, "right"), detection(b, "left")] for a, b in zip(right, left, strict=True)]
    frames[4] = [detection(right[4], "left", 0.6), detection(left[4], "left"), detection(left[4], "right", 0.4)]
    settled = settle_sides(timestamps(10), frames, CAMERA.width, AssociateSettings())
    assert [sorted(hand.side for hand in hands) for hands in settled] == [["left", "right"]] * 10
    [flickered] = [hand for hand in settled[4] if hand.side == "right"]
    np.testing.assert_array_equal(flickered.landmarks_px, CAMERA.project(right[4]))


def test_a_hand_that_was_out_of_sight_keeps_its_side_though_one_half_is_unsure() -> None:
    hand = moving_hand("right", 60)
    detections = [[detection(hand[index], "right", 0.9)] for index in range(20)]
    detections += [[] for _ in range(20)]
    detections += [[detection(hand[index], "left" if index % 5 else "right", 0.6)] for index in range(40, 45)]
    tracks = associate(timestamps(45), detections, 640, AssociateSettings())
    assert tracks["right"].seen.sum() == 25
    assert not tracks["left"].seen.any()


def test_the_other_hand_appearing_there_is_the_other_hand() -> None:
    right, left = moving_hand("right", 40), moving_hand("left", 40)
    detections = [[detection(right[index], "right", 0.9)] for index in range(15)]
    detections += [[] for _ in range(10)]
    detections += [[detection(left[index], "left", 0.9)] for index in range(25, 40)]
    tracks = associate(timestamps(40), detections, 640, AssociateSettings())
    assert tracks["right"].seen.sum() == 15
    assert tracks["left"].seen.sum() == 15
