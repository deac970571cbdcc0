"""Identity: one hand is one track, and the arms are not swapped."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hand_builders import CAMERA, detection, moving_hand, timestamps

from humandata.arrays import FloatArray
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.hands.estimator import HandDetection
from humandata.schemas.landmarks import SIDES, Side
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


def test_a_hand_that_is_not_seen_for_one_frame_keeps_its_side_though_it_looks_like_the_other_from_then_on() -> None:
    detections = [[detection(LEFT[index], "left" if index < 20 else "right")] for index in range(NUM_FRAMES)]
    detections[20] = []
    tracks = run(detections)
    assert tracks["left"].seen.sum() == NUM_FRAMES - 1
    assert not tracks["right"].seen.any()


def test_the_other_hand_appearing_there_is_the_other_hand() -> None:
    right, left = moving_hand("right", 40), moving_hand("left", 40)
    detections = [[detection(right[index], "right", 0.9)] for index in range(15)]
    detections += [[] for _ in range(10)]
    detections += [[detection(left[index], "left", 0.9)] for index in range(25, 40)]
    tracks = associate(timestamps(40), detections, 640, AssociateSettings())
    assert tracks["right"].seen.sum() == 15
    assert tracks["left"].seen.sum() == 15


def pointing_left(side: Side, num_frames: int = NUM_FRAMES) -> FloatArray:
    """A hand (N, 21, 3) that points up and to the left of the picture."""
    return np.asarray(moving_hand(side, num_frames) @ matrix_from_rotvec([0.0, 0.0, 0.7]))


def pointing_right(side: Side, num_frames: int = NUM_FRAMES) -> FloatArray:
    """A hand (N, 21, 3) that points up and to the right of the picture."""
    return np.asarray(moving_hand(side, num_frames) @ matrix_from_rotvec([0.0, 0.0, -0.7]))


def unsure(hand: FloatArray) -> list[list[HandDetection]]:
    """Detections of a hand that looks like a left and a right one by turns."""
    return [[detection(landmarks, "left" if index % 2 else "right", 0.6)] for index, landmarks in enumerate(hand)]


def test_a_hand_that_looks_like_either_is_the_one_that_its_forearm_is_of() -> None:
    right = run(unsure(pointing_left("right")))
    assert right["right"].seen.all()
    assert not right["left"].seen.any()
    left = run(unsure(pointing_right("left")))
    assert left["left"].seen.all()
    assert not left["right"].seen.any()


def test_forearms_of_someone_who_faces_the_camera_come_from_the_other_sides() -> None:
    sure = [[detection(hand, "right", 0.95)] for hand in pointing_right("right", 90)]
    hands = run([*sure, *[[] for _ in range(60)], *unsure(pointing_left("left"))])
    np.testing.assert_array_equal(np.flatnonzero(hands["right"].seen), np.arange(90))
    np.testing.assert_array_equal(np.flatnonzero(hands["left"].seen), np.arange(150, 150 + NUM_FRAMES))


def test_clear_looks_outweigh_the_forearm() -> None:
    hands = run([[detection(hand, "left", 0.95)] for hand in pointing_left("left")])
    assert hands["left"].seen.all()


def test_a_hand_lost_for_a_moment_does_not_pass_over_to_the_other_one_whose_first_frame_flickers() -> None:
    right, left = moving_hand("right", 50), moving_hand("left", 50)
    frames = [[detection(right[index], "right")] for index in range(20)]
    frames += [[] for _ in range(5)]
    frames += [[detection(left[index], "right" if index in (25, 26, 40) else "left")] for index in range(25, 50)]
    hands = run(frames)
    np.testing.assert_array_equal(np.flatnonzero(hands["right"].seen), np.arange(20))
    np.testing.assert_array_equal(np.flatnonzero(hands["left"].seen), np.arange(25, 50))


def test_a_hand_that_appears_where_the_other_was_before_it_moved_on_is_not_the_other() -> None:
    hand = moving_hand("right", 60, x=-0.2)
    moved_on = hand + [0.4, 0.0, 0.0]
    frames = [[detection(hand[index], "right")] for index in range(20)]
    frames += [[] for _ in range(5)]
    frames += [[detection(moved_on[index], "right")] for index in range(25, 60)]
    for index, [appeared] in zip(range(30, 42), unsure(hand[30:42]), strict=True):
        frames[index].append(appeared)
    hands = run(frames)
    np.testing.assert_array_equal(np.flatnonzero(hands["left"].seen), np.arange(30, 42))
    np.testing.assert_allclose(hands["right"].landmarks_px[25:], CAMERA.project(moved_on[25:]))


def test_a_flash_of_the_other_hand_where_one_was_lost_is_a_false_alarm() -> None:
    frames = [[detection(RIGHT[index], "right")] for index in range(15)]
    frames += [[], [], [detection(RIGHT[17], "left", 0.6)], [], []]
    hands = run(frames)
    assert hands["right"].seen.sum() == 15
    assert not hands["left"].seen.any()


def across_the_table(side: Side, x: float, distance: float = 1.3) -> FloatArray:
    """The hand of another person (N, 21, 3), further away and pointing this way."""
    hand = moving_hand(side, NUM_FRAMES, x)
    turned = (hand - [0.0, 0.0, 0.5]) * [-1.0, -1.0, 1.0]
    return np.asarray(turned + [0.0, -0.1, distance])


def test_two_right_hands_do_not_become_one() -> None:
    other = across_the_table("right", -0.2)
    frames = [[detection(RIGHT[index], "right"), detection(other[index], "right")] for index in range(NUM_FRAMES)]
    for index in range(20, NUM_FRAMES):
        frames[index] = frames[index][1:]  # the nearer one is gone, and the other one stays
    hands = run(frames)
    np.testing.assert_array_equal(np.flatnonzero(hands["right"].seen), np.arange(20))
    np.testing.assert_allclose(hands["right"].landmarks_px[:20], CAMERA.project(RIGHT[:20]))


def assert_own_pair_is_kept(
    others: Sequence[FloatArray], sure: tuple[float, float], own_sure: tuple[float, float]
) -> None:
    """`others` are the left and the right hand of another person; with each hand goes the detector's confidence."""
    told = [*zip(others, SIDES, sure, strict=True), *zip((LEFT, RIGHT), SIDES, own_sure, strict=True)]
    frames = [[detection(hand[index], side, score) for hand, side, score in told] for index in range(NUM_FRAMES)]
    hands = run(frames)
    for side, hand in zip(SIDES, (LEFT, RIGHT), strict=True):
        np.testing.assert_allclose(hands[side].landmarks_px, CAMERA.project(hand))


def test_of_the_hands_of_two_people_the_nearer_ones_win_however_sure_the_others_are() -> None:
    others = [across_the_table(side, x) for side, x in zip(SIDES, (0.25, -0.25), strict=True)]
    assert_own_pair_is_kept(others, sure=(0.99, 0.99), own_sure=(0.8, 0.8))


def test_a_hand_across_the_table_that_appears_when_ones_own_left_is_not_ones_own() -> None:
    other = across_the_table("right", 0.0)
    frames = [[detection(RIGHT[index], "right")] for index in range(15)]
    frames += [[] for _ in range(3)]
    frames += [[detection(other[index], "right")] for index in range(18, NUM_FRAMES)]
    hands = run(frames)
    assert hands["right"].seen.sum() == 15


def test_the_arms_are_of_one_person_though_the_other_ones_hands_look_as_large() -> None:
    others = [across_the_table(side, x, distance=0.5) for side, x in zip(SIDES, (0.25, -0.25), strict=True)]
    assert_own_pair_is_kept(others, sure=(0.9, 0.55), own_sure=(0.6, 0.95))


def test_of_two_people_beside_each_other_each_has_a_pair() -> None:
    beside = [moving_hand(side, NUM_FRAMES, x) for side, x in zip(SIDES, (0.7, 1.0), strict=True)]
    assert_own_pair_is_kept(beside, sure=(0.9, 0.7), own_sure=(0.6, 0.95))


def test_a_far_hand_that_comes_from_across_is_no_partner_of_ones_own() -> None:
    other = across_the_table("left", -0.2)
    frames = [[detection(RIGHT[index], "right"), detection(other[index], "left")] for index in range(NUM_FRAMES)]
    hands = run(frames)
    assert hands["right"].seen.all()
    assert not hands["left"].seen.any()


def test_an_arm_does_not_pass_to_a_neighbours_hand_that_was_seen_beside_it() -> None:
    beside = [moving_hand(side, NUM_FRAMES, x) for side, x in zip(SIDES, (0.7, 1.0), strict=True)]
    frames = [[detection(beside[0][index], "left", 0.5)] for index in range(25)] + [[] for _ in range(25, NUM_FRAMES)]
    for index in range(13, NUM_FRAMES):
        frames[index] += [detection(RIGHT[index], "right", 0.95), detection(LEFT[index], "left", 0.95)]
        frames[index] += [detection(beside[1][index], "right", 0.5)]
    hands = run(frames)
    np.testing.assert_array_equal(np.flatnonzero(hands["left"].seen), np.arange(13, NUM_FRAMES))
    np.testing.assert_allclose(hands["left"].landmarks_px[13:], CAMERA.project(LEFT[13:]))
