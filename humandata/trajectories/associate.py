"""Whose hand is it: detections per frame become at most one track of each side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat
from scipy.optimize import linear_sum_assignment

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.hands.estimator import HandDetection
from humandata.schemas.documents import Document
from humandata.schemas.episode import ManoTrack
from humandata.schemas.landmarks import SIDES, Side
from humandata.trajectories.duplicates import distinct_hands
from humandata.trajectories.mano import mano_of
from humandata.trajectories.people import are_seen_together, are_two_people, is_crowded, partner_of
from humandata.trajectories.track import Track, hand_size, landmark_distance, trust_pointing

ABSENCE_REACH = 1.5
"""Hand sizes from where a hand was last seen to where it is seen again."""
_OTHER: dict[Side, Side] = {"left": "right", "right": "left"}
_NEVER = 1e9
"""Cost of a link that is not allowed: more than any number of allowed ones."""


class AssociateSettings(Document):
    """The recipe's section `associate`."""

    duplicate_fraction: PositiveFloat = Field(
        default=0.45, description="two detections closer than this share of the hand's size are one hand"
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
    def seen(self) -> BoolArray:
        """(N,) whether the hand was observed."""
        return np.isfinite(self.confidence)


def associate(
    timestamp_ns: IntArray,
    detections: Sequence[Sequence[HandDetection]],
    image_width_px: int,
    settings: AssociateSettings,
) -> dict[Side, HandObservations]:
    """The left and the right hand over N frames, from the detections of each frame.

    Detections are linked by continuity first; the side is then decided by all the frames of a track together, so that
    a flicker of handedness does not swap the arms. Two tracks that claim one side at one time: the one with more votes,
    and the larger hand, keeps it; the other takes the other side where that is free, or is dropped. An arm is of one
    person: it takes no second track of a hand that is much smaller or comes from elsewhere. So are both arms together:
    where there are more hands than two, the partner of the strongest comes first, and a hand that cannot be of the same
    person is dropped.
    """
    distinct = [distinct_hands(found, settings.duplicate_fraction) for found in detections]
    linked = link_tracks(timestamp_ns, distinct, image_width_px, settings)
    tracks = [
        track for track in _rejoin(linked, timestamp_ns, settings) if not _is_flash(track, timestamp_ns, settings)
    ]
    arms: dict[Side, list[Track]] = {side: [] for side in SIDES}
    slots: dict[Side, dict[int, HandDetection]] = {side: {} for side in SIDES}
    crowded = is_crowded(tracks)
    for track in _by_claim(tracks, crowded):
        for side in (track.side, _OTHER[track.side]):
            free = [(index, hand) for index, hand in track.items if index not in slots[side]]
            of_one_person = all(
                track.is_like(earlier) and not (crowded and are_seen_together(track, earlier)) for earlier in arms[side]
            ) and not any(are_two_people(track, opposite, crowded) for opposite in arms[_OTHER[side]])
            if len(free) > len(track.items) / 2 and of_one_person:
                slots[side].update(free)
                arms[side].append(track)
                break
    return {side: _observations(slots[side], side, len(timestamp_ns)) for side in SIDES}


def link_tracks(
    timestamp_ns: IntArray,
    detections: Sequence[Sequence[HandDetection]],
    image_width_px: int,
    settings: AssociateSettings,
) -> list[Track]:
    """Distinct hands joined over time by where they are, each in one track; none passes over to the other arm."""
    trust = trust_pointing(hand for found in detections for hand in found)
    finished: list[Track] = []
    current: list[Track] = []
    for index, hands in enumerate(detections):
        now = timestamp_ns[index]
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
        current += [Track([(index, hand)], trust) for column, hand in enumerate(hands) if column not in taken]
    return [part for track in finished + current for part in track.parts()]


def settle_sides(
    timestamp_ns: IntArray,
    detections: Sequence[Sequence[HandDetection]],
    image_width_px: int,
    settings: AssociateSettings,
) -> list[tuple[HandDetection, ...]]:
    """The detections, each on the side that all those of its track together vote for; duplicates are left out."""
    settled: list[list[HandDetection]] = [[] for _ in detections]
    distinct = [distinct_hands(found, settings.duplicate_fraction) for found in detections]
    for track in link_tracks(timestamp_ns, distinct, image_width_px, settings):
        side = track.side
        for index, hand in track.items:
            settled[index].append(replace(hand, side=side))
    return [tuple(sorted(hands, key=lambda hand: -hand.score)) for hands in settled]


def _by_claim(tracks: Sequence[Track], crowded: bool) -> list[Track]:
    """Tracks by how strong their claim to an arm is: sure of their side, and large. Among people, the strongest one's
    partner comes next."""
    order = sorted(tracks, key=lambda track: (-abs(track.vote) * track.size, track.items[0][0]))
    if not crowded:
        return order
    partner = partner_of(order[0], order[1:])
    return sorted(order, key=lambda track: 0 if track is order[0] else 1 if track is partner else 2)


def _rejoin(tracks: Sequence[Track], timestamp_ns: IntArray, settings: AssociateSettings) -> list[Track]:
    """Tracks put together that are one hand before and after it was out of sight: the next to appear where it was.

    Nothing is joined against two clear opinions about the side, nor a flash to a track of the other side, unless it was
    out of sight too briefly for another hand to take its place; nor where that hand has been seen elsewhere in the
    meantime.
    """
    joined: list[Track] = []
    for track in sorted(tracks, key=lambda track: track.items[0][0]):
        start, first = track.items[0]
        best, nearest = None, ABSENCE_REACH
        for earlier in joined:
            last_index, last = earlier.last
            absence_s = (timestamp_ns[start] - timestamp_ns[last_index]) / 1e9
            distance = landmark_distance(last, first) / hand_size(last)
            if distance < nearest and 0 < absence_s <= settings.max_absence_s:
                flash = any(_is_flash(each, timestamp_ns, settings) for each in (earlier, track))
                opposed = earlier.disagrees(track) or (flash and earlier.side != track.side)
                allowed = not opposed or absence_s < settings.min_seen_s
                if allowed and earlier.is_like(track) and not _is_elsewhere(earlier, start, joined):
                    best, nearest = earlier, distance
        if best is None:
            joined.append(track)
        else:
            best.items.extend(track.items)
    return joined


def _is_elsewhere(track: Track, index: int, others: Sequence[Track]) -> bool:
    """Whether a hand that is clearly of that side has been seen since, until that frame at least."""
    return any(
        other.is_clear and other.side == track.side and other.items[0][0] <= index and other.last[0] > track.last[0]
        for other in others
    )


def _is_flash(track: Track, timestamp_ns: IntArray, settings: AssociateSettings) -> bool:
    """Whether it was seen for too short a time to be a hand."""
    return bool(timestamp_ns[track.last[0]] - timestamp_ns[track.items[0][0]] < settings.min_seen_s * 1e9)


def _may_follow(track: Track, hand: HandDetection, index: int) -> bool:
    """From frame to frame a hand's side may flicker; after a frame unseen, it must be that of the track."""
    return track.last[0] == index - 1 or track.side == hand.side


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
