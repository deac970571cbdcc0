"""One hand that was seen twice is told from two hands."""

from __future__ import annotations

from hand_builders import detection, hand_of

from humandata.hands.estimator import HandDetection
from humandata.trajectories.duplicates import distinct_hands, is_among
from humandata.trajectories.track import hand_size

FRACTION = 0.45


def shifted(hand: HandDetection, sizes: float, score: float) -> HandDetection:
    """The same hand, seen that many of its sizes to the right."""
    pixels = hand.landmarks_px + [sizes * hand_size(hand), 0.0]
    return HandDetection(hand.side, score, pixels, hand.landmarks_hand)


HAND = detection(hand_of("right") + [0.0, 0.0, 0.5], "right", 0.7)


def test_the_surer_of_two_sightings_is_kept() -> None:
    surer = shifted(HAND, 0.4, score=0.8)
    assert distinct_hands([HAND, surer], FRACTION) == [surer]


def test_hands_further_apart_are_two() -> None:
    other = shifted(HAND, 0.5, score=0.8)
    assert distinct_hands([HAND, other], FRACTION) == [other, HAND]
    assert not is_among(HAND, [other], FRACTION)


def test_a_hand_is_not_left_out_for_one_that_was_left_out_itself() -> None:
    row = [shifted(HAND, sizes, score) for sizes, score in ((0.0, 0.9), (0.4, 0.8), (0.8, 0.7))]
    assert distinct_hands(row, FRACTION) == [row[0], row[2]]


def test_a_hand_before_a_smaller_one_further_away_is_another() -> None:
    further = detection(hand_of("left") + [0.0, 0.0, 1.2], "left", 0.9)
    assert distinct_hands([HAND, further], FRACTION) == [further, HAND]
