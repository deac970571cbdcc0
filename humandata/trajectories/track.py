"""A track: what continuity says is one hand, and whose it looks like."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from humandata.arrays import FloatArray
from humandata.hands.estimator import HandDetection
from humandata.schemas.landmarks import HandLandmark, Side

USUAL_FRAMES = 30.0
"""Frames that would have to contradict it before a clip is no longer taken to be seen through the wearer's eyes."""
CLEAR_VOTE = 4.0
"""Frames that speak for a side beyond those that speak against it, weighed by their scores."""
MOST_UNLIKE = 3.0
"""Ratio of the sizes of two tracks beyond which they are hands of two people. A hand that comes from the other side of
the picture counts as twice as unlike: forearms do not turn round."""


@dataclass
class Track:
    """Detections of one hand, as (frame index, detection)."""

    items: list[tuple[int, HandDetection]] = field(default_factory=list)
    trust: float = 0.0
    """Whether pointing up and to the left speaks for a right hand, 1, or for a left one, -1. See `trust_pointing`."""

    @property
    def last(self) -> tuple[int, HandDetection]:
        """The frame it was seen in last, and how."""
        return self.items[-1]

    @property
    def vote(self) -> float:
        """Sum over the frames of what speaks for right, less what speaks for left: how a hand looks and points."""
        return float(self._votes.sum())

    @property
    def side(self) -> Side:
        """Which it rather is."""
        return "right" if self.vote >= 0 else "left"

    @property
    def is_clear(self) -> bool:
        """Whether there is little doubt about its side."""
        return abs(self.vote) > CLEAR_VOTE

    @property
    def size(self) -> float:
        """Median diagonal of the box around the hand, in pixels."""
        return float(np.median([hand_size(hand) for _, hand in self.items]))

    @property
    def direction(self) -> FloatArray:
        """(2,) where the hand points to in the picture, on the average; shorter than 1 where it turned."""
        return np.asarray(np.mean([hand_direction(hand) for _, hand in self.items], axis=0))

    @property
    def _votes(self) -> FloatArray:
        """(N,) that of each frame."""
        return np.array([_looks(hand) + self.trust * _pointing(hand) for _, hand in self.items])

    def parts(self) -> list[Track]:
        """This track, cut where a hand went out of sight and what came after it is clearly the other one."""
        before = self._votes.cumsum()
        after = before[-1] - before
        unseen = np.diff([index for index, _ in self.items]) > 1
        contrast = np.where(unseen & (before * after < 0)[:-1], np.minimum(np.abs(before), np.abs(after))[:-1], 0.0)
        if contrast.max(initial=0.0) <= CLEAR_VOTE:
            return [self]
        cut = int(contrast.argmax()) + 1
        return [part for items in (self.items[:cut], self.items[cut:]) for part in Track(items, self.trust).parts()]

    def disagrees(self, other: Track) -> bool:
        """Whether both are clear about their side, and not of the same."""
        return self.is_clear and other.is_clear and self.side != other.side

    def is_like(self, other: Track) -> bool:
        """Whether both may be one person's hand."""
        ratio = max(self.size, other.size) / max(min(self.size, other.size), 1e-9)
        opposite = float(self.direction @ other.direction) < -0.5
        return (2.0 if opposite else 1.0) * ratio <= MOST_UNLIKE


def trust_pointing(hands: Iterable[HandDetection]) -> float:
    """What it says of a hand of this clip to point up and to the left: from -1, it is a left one, to 1, a right one.

    The forearms of whoever wears the camera, or is seen from behind, rise from the lower corners towards the middle, so
    that the right hand points to the left. Those of someone who faces the camera do the opposite. Which it is, all the
    hands of the clip tell together by how they look; `USUAL_FRAMES` speak for the former from the start.
    """
    agreement = np.array([_looks(hand) * _pointing(hand) for hand in hands])
    return float((USUAL_FRAMES + agreement.sum()) / (USUAL_FRAMES + np.abs(agreement).sum()))


def landmark_distance(a: HandDetection, b: HandDetection) -> float:
    """Mean distance of the landmarks of two hands, in pixels."""
    # For 21 points plain Python is faster than NumPy, the more so where a model has just had the caches.
    return math.fsum(map(math.dist, a.landmarks_px.tolist(), b.landmarks_px.tolist())) / len(a.landmarks_px)


def hand_size(hand: HandDetection) -> float:
    """Diagonal of the box around a hand's landmarks, in pixels."""
    x, y = hand.landmarks_px.T.tolist()
    return math.hypot(max(x) - min(x), max(y) - min(y))


def _looks(hand: HandDetection) -> float:
    """How much its looks speak for right, from -1 to 1."""
    return hand.score if hand.side == "right" else -hand.score


def _pointing(hand: HandDetection) -> float:
    """From 1, up and to the left at 45 degrees, to -1, up and to the right; 0 where it does not point up."""
    right, down = hand_direction(hand)
    return float(2.0 * right * min(down, 0.0))


def hand_direction(hand: HandDetection) -> tuple[float, float]:
    """Unit vector in the picture from the wrist to the middle knuckle."""
    x, y = hand.landmarks_px[HandLandmark.WRIST].tolist()
    to_x, to_y = hand.landmarks_px[HandLandmark.MIDDLE_MCP].tolist()
    length = max(math.hypot(to_x - x, to_y - y), 1e-9)
    return (to_x - x) / length, (to_y - y) / length
