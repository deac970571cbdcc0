"""Whose hand is it: detections per frame become at most one track of each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeFloat, PositiveFloat
from scipy.optimize import linear_sum_assignment

from humandata.hands.estimator import HandDetection
from humandata.schemas.documents import Document
from humandata.schemas.episode import ManoTrack
from humandata.schemas.landmarks import SIDES, Side
from humandata.trajectories.mano import mano_of

FloatArray = NDArray[np.float64]


ABSENCE_REACH = 1.5
"""Hand sizes from where a hand was last seen to where it is seen again."""
CLEAR_VOTE = 4.0
"""Frames that speak for a side beyond those that speak against it, weighed by their scores."""
_NEVER = 1e9
"""Cost of a link that is not allowed: more than any number of allowed ones."""


class AssociateSettings(Document):
    """The recipe's section `associate`."""

    duplicate_fraction: PositiveFloat = Field(
        default=0.35, description="two detections closer than this share of the hand's size are one hand"
    )
    max_jump: PositiveFloat = Field(
        default=1.56,
        description="image widths a second that a hand may move: 100 px per 0.1 s at 640 px width (EgoMimic)",
    )
    max_unseen_s: PositiveFloat = Field(default=0.3, description="longer unseen, and it is a new track")
    max_absence_s: NonNegativeFloat = Field(
        default=1.5, description="a hand that appears this long after one vanished near there is the same hand"
    )
    min_seen_s: NonNegativeFloat = Field(default=0.1, description="a track shorter than this is a false alarm")


@dataclass(frozen=True)
class HandObservations:
    """One hand over N frames; NaN where it was not seen."""

    landmarks_px: FloatArray
    """(N, 21, 2) pixels of the image that was looked at."""
    landmarks_hand: FloatArray
    """(N, 21, 3) metres about the hand's centre, as the estimator guesses them."""
    landmarks_camera: FloatArray
    """(N, 21, 3) metres in the camera frame, where the estimator judges depth itself; else NaN."""
    landmarks_depth_m: FloatArray
    """(N, 21) z in the camera frame, where it was measured; else NaN."""
    confidence: FloatArray
    """(N,)."""
    mano: ManoTrack | None = None
    """N frames, from an estimator that fits MANO."""

    @property
    def seen(self) -> NDArray[np.bool_]:
        """(N,) whether the hand was observed."""
        return np.isfinite(self.confidence)


@dataclass
class Track:
    """Detections of what continuity says is one hand, as (frame index, detection)."""

    items: list[tuple[int, HandDetection]] = field(default_factory=list)

    @property
    def last(self) -> tuple[int, HandDetection]:
        """The frame it was seen in last, and how."""
        return self.items[-1]

    @property
    def vote(self) -> float:
        """Sum of scores for right minus that for left."""
        return sum(hand.score if hand.side == "right" else -hand.score for _, hand in self.items)

    def disagrees(self, other: Track) -> bool:
        """Whether both are sure of their side, and not of the same."""
        clear = all(abs(track.vote) > CLEAR_VOTE for track in (self, other))
        return clear and (self.vote > 0) != (other.vote > 0)


def associate(
    timestamp_ns: NDArray[np.int64],
    detections: Sequence[Sequence[HandDetection]],
    image_width_px: int,
    settings: AssociateSettings,
) -> dict[Side, HandObservations]:
    """The left and the right hand over N frames, from the detections of each frame.

    Detections are linked by continuity first; the side is then decided by all the frames of a track together, so that
    a flicker of handedness does not swap the arms. Two tracks that claim one side at one time: the one with more votes
    keeps it, the other takes the other side where that is free, or is dropped.
    """
    tracks = [
        track
        for track in _rejoin(link_tracks(timestamp_ns, detections, image_width_px, settings), timestamp_ns, settings)
        if timestamp_ns[track.last[0]] - timestamp_ns[track.items[0][0]] >= settings.min_seen_s * 1e9
    ]
    slots: dict[Side, dict[int, HandDetection]] = {side: {} for side in SIDES}
    for track in sorted(tracks, key=lambda track: (-abs(track.vote), track.items[0][0])):
        preferred: Side = "right" if track.vote >= 0 else "left"
        other: Side = "left" if preferred == "right" else "right"
        for side in (preferred, other):
            free = [(index, hand) for index, hand in track.items if index not in slots[side]]
            if len(free) > len(track.items) / 2:
                slots[side].update(free)
                break
    return {side: _observations(slots[side], side, len(timestamp_ns)) for side in SIDES}


def link_tracks(
    timestamp_ns: NDArray[np.int64],
    detections: Sequence[Sequence[HandDetection]],
    image_width_px: int,
    settings: AssociateSettings,
) -> list[Track]:
    """Detections joined over time by where they are, each in one track at most."""
    finished: list[Track] = []
    current: list[Track] = []
    for index, found in enumerate(detections):
        now = timestamp_ns[index]
        hands = _without_duplicates(found, settings.duplicate_fraction)
        stale = [track for track in current if now - timestamp_ns[track.last[0]] > settings.max_unseen_s * 1e9]
        finished += stale
        current = [track for track in current if track not in stale]
        seconds = np.array([(now - timestamp_ns[track.last[0]]) / 1e9 for track in current])
        reach = seconds[:, None] * settings.max_jump * image_width_px
        distance = np.array([[landmark_distance(track.last[1], hand) for hand in hands] for track in current])
        taken = set()
        if distance.size:
            allowed = (distance <= reach) & [[_may_follow(track, hand, index) for hand in hands] for track in current]
            for row, column in zip(*linear_sum_assignment(np.where(allowed, distance, _NEVER)), strict=True):
                if allowed[row, column]:
                    current[row].items.append((index, hands[column]))
                    taken.add(column)
        current += [Track([(index, hand)]) for column, hand in enumerate(hands) if column not in taken]
    return finished + current


def settle_sides(
    timestamp_ns: NDArray[np.int64],
    detections: Sequence[Sequence[HandDetection]],
    image_width_px: int,
    settings: AssociateSettings,
) -> list[tuple[HandDetection, ...]]:
    """The detections, each on the side that all those of its track together vote for; duplicates are left out."""
    settled: list[list[HandDetection]] = [[] for _ in detections]
    for track in link_tracks(timestamp_ns, detections, image_width_px, settings):
        side: Side = "right" if track.vote >= 0 else "left"
        for index, hand in track.items:
            settled[index].append(replace(hand, side=side))
    return [tuple(sorted(hands, key=lambda hand: -hand.score)) for hands in settled]


def _rejoin(tracks: Sequence[Track], timestamp_ns: NDArray[np.int64], settings: AssociateSettings) -> list[Track]:
    """Tracks put together that are one hand before and after it was out of sight: the next to appear where it was.

    Nothing is joined against two clear opinions about the side.
    """
    joined: list[Track] = []
    for track in sorted(tracks, key=lambda track: track.items[0][0]):
        start, first = track.items[0]
        best, nearest = None, ABSENCE_REACH
        for earlier in joined:
            last_index, last = earlier.last
            absence_s = (timestamp_ns[start] - timestamp_ns[last_index]) / 1e9
            if not 0 < absence_s <= settings.max_absence_s or earlier.disagrees(track):
                continue
            distance = landmark_distance(last, first) / hand_size(last)
            if distance < nearest:
                best, nearest = earlier, distance
        if best is None:
            joined.append(track)
        else:
            best.items.extend(track.items)
    return joined


def _may_follow(track: Track, hand: HandDetection, index: int) -> bool:
    """From frame to frame a hand's side may flicker; after a frame unseen, it must be that of the track."""
    return track.last[0] == index - 1 or (track.vote >= 0) == (hand.side == "right")


def _without_duplicates(hands: Sequence[HandDetection], fraction: float) -> list[HandDetection]:
    kept: list[HandDetection] = []
    for hand in sorted(hands, key=lambda hand: -hand.score):
        if all(landmark_distance(hand, other) > fraction * hand_size(hand) for other in kept):
            kept.append(hand)
    return kept


def landmark_distance(a: HandDetection, b: HandDetection) -> float:
    """Mean distance of the landmarks of two hands, in pixels."""
    return float(np.linalg.norm(a.landmarks_px - b.landmarks_px, axis=-1).mean())


def hand_size(hand: HandDetection) -> float:
    """Diagonal of the box around a hand's landmarks, in pixels."""
    return float(np.linalg.norm(np.ptp(hand.landmarks_px, axis=0)))


def _observations(hands: dict[int, HandDetection], side: Side, num_frames: int) -> HandObservations:
    landmarks_px = np.full((num_frames, 21, 2), np.nan)
    landmarks_hand = np.full((num_frames, 21, 3), np.nan)
    landmarks_camera = np.full((num_frames, 21, 3), np.nan)
    landmarks_depth_m = np.full((num_frames, 21), np.nan)
    confidence = np.full(num_frames, np.nan)
    for index, hand in hands.items():
        landmarks_px[index] = hand.landmarks_px
        landmarks_hand[index] = hand.landmarks_hand
        if hand.landmarks_camera is not None:
            landmarks_camera[index] = hand.landmarks_camera
        if hand.landmarks_depth_m is not None:
            landmarks_depth_m[index] = hand.landmarks_depth_m
        confidence[index] = hand.score
    mano = mano_of(hands, side, num_frames)
    return HandObservations(landmarks_px, landmarks_hand, landmarks_camera, landmarks_depth_m, confidence, mano)
