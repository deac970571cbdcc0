"""Whether hands are one person's or two people's."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from humandata.hands.estimator import HandDetection
from humandata.trajectories.track import Track, hand_direction, hand_size

USUAL_RATIO = 1.7
"""Of the sizes of a person's two hands in a picture."""
USUAL_GAP = 3.0
"""Between them, in sizes of the larger one."""
PLAINLY_UP = 0.5
"""Of a hand's direction in the picture, a unit vector: within 60 degrees of straight up, or down."""
MOST_UNLIKE_OPPOSED = 2.0
"""Ratio of the sizes of two hands that point up and down beyond which they are not one person's: across a table,
another person's hands come from the far side, and are further away."""
MIN_CROWDED_FRAMES = 5
"""Frames with a third hand, which is no false alarm then."""


def may_be_two_people(hands: Sequence[HandDetection]) -> bool:
    """Whether the hands in a picture are such as one person's seldom are: then it is worth looking for more of them."""
    return any(_is_unusual(*pair) for pair in combinations(hands, 2))


def are_two_people(one: Track, other: Track, crowded: bool) -> bool:
    """Whether a left and a right hand are not of one person; `crowded` where more than one is known to be there."""
    ratio = max(one.size, other.size) / max(min(one.size, other.size), 1e-9)
    return _are_opposed(one, other) and (crowded or ratio > MOST_UNLIKE_OPPOSED)


def partner_of(track: Track, others: Sequence[Track]) -> Track | None:
    """The other hand of a hand's owner, where several might be: one that is seen beside it and points the same way.

    Of two people with two hands each, so that the hands of either are near each other. `others` are in the order of
    their claims, which decides where that does not.
    """
    beside = [other for other in others if _frames(track) & _frames(other)]
    candidates = [other for other in beside if other.side != track.side and not _are_opposed(track, other)]
    if not candidates:
        return None
    rivals = [other for other in beside if other.side == track.side]
    if not rivals or len(candidates) == 1:
        return candidates[0]
    first, second = candidates[:2]
    straight = _distance(track, first) + _distance(rivals[0], second)
    crossed = _distance(track, second) + _distance(rivals[0], first)
    return first if straight <= crossed else second


def are_seen_together(one: Track, other: Track) -> bool:
    """Whether both are in the picture at the same time, so that they are not one hand."""
    return len(_frames(one) & _frames(other)) >= MIN_CROWDED_FRAMES


def is_crowded(tracks: Sequence[Track]) -> bool:
    """Whether more hands are seen together than a person has."""
    counts = np.bincount([index for track in tracks for index, _ in track.items])
    return int((counts > 2).sum()) >= MIN_CROWDED_FRAMES


def _are_opposed(one: Track, other: Track) -> bool:
    """Whether one points up in the picture, and the other one down."""
    up, other_up = one.direction[1], other.direction[1]
    return bool(up * other_up < 0 and min(abs(up), abs(other_up)) > PLAINLY_UP)


def _frames(track: Track) -> set[int]:
    return {index for index, _ in track.items}


def _distance(one: Track, other: Track) -> float:
    """Median distance in pixels over the frames that show both; infinite without such."""
    own, others = dict(one.items), dict(other.items)
    distances = [_between(own[index], others[index]) for index in own.keys() & others.keys()]
    return float(np.median(distances)) if distances else np.inf


def _is_unusual(one: HandDetection, other: HandDetection) -> bool:
    sizes = hand_size(one), hand_size(other)
    return (
        one.side == other.side
        or hand_direction(one)[1] * hand_direction(other)[1] < 0
        or max(sizes) > USUAL_RATIO * min(sizes)
        or _between(one, other) > USUAL_GAP * max(sizes)
    )


def _between(one: HandDetection, other: HandDetection) -> float:
    """Distance of the centres of two hands, in pixels."""
    return float(np.linalg.norm(one.landmarks_px.mean(axis=0) - other.landmarks_px.mean(axis=0)))
