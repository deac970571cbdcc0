"""One hand that was seen twice in a frame."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from humandata.hands.estimator import HandDetection
from humandata.trajectories.track import hand_size, landmark_distance

MAX_RATIO = 2.0
"""Of the sizes of two sightings of one hand. Beyond it, one hand is seen before another one that is further away."""


def is_among(hand: HandDetection, hands: Iterable[HandDetection], fraction: float) -> bool:
    """Whether its landmarks lie within that share of its size, on the average, from those of one of the hands."""
    size = hand_size(hand)
    return any(
        landmark_distance(hand, other) < fraction * size and 1.0 / MAX_RATIO < hand_size(other) / size < MAX_RATIO
        for other in hands
    )


def distinct_hands(hands: Sequence[HandDetection], fraction: float) -> list[HandDetection]:
    """The hands of a frame without those that are among surer ones; the surest first."""
    kept: list[HandDetection] = []
    for hand in sorted(hands, key=lambda hand: -hand.score):
        if not is_among(hand, kept, fraction):
            kept.append(hand)
    return kept
