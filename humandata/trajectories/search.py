"""Hands that tracking lost are looked for again, in a crop of each picture around where they must be.

A tracker that scans the whole picture sees a hand a few dozen pixels across. In a crop the same hand fills the view,
with room on all sides even at the border of the picture, so that it is found at a lower confidence than would be safe
in the whole picture. Each track is followed outwards from both its ends, which also undoes that tracking forward cannot
know of a hand before its first good view.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from humandata.arrays import FloatArray, Image, IntArray
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection, PictureDetector
from humandata.schemas.documents import Document
from humandata.trajectories.associate import AssociateSettings, link_tracks
from humandata.trajectories.duplicates import distinct_hands, is_among
from humandata.trajectories.track import Track, hand_size, landmark_distance

MEMORY_S = 5.0
"""As many hands as were seen within this time are expected now."""
WARM_UP_FRAMES = 2
"""Frames that a tracker is given of a hand it knows before those in which it was lost."""
KNOWN_FRACTION = 0.35
"""Share of a hand's size: one that lies closer to a hand found before is that one. It is less than what makes two one
in the end, as what is left out here is not seen again."""
CROP_SIDE_PX = 384
CROPS_PER_HAND = (2.5, 1.6)
"""Sides of the crops tried, in sizes of the hand: wide enough for its error, and then closer."""


class SearchSettings(Document):
    """The recipe's section `search`."""

    max_unseen_s: NonNegativeFloat = Field(
        default=0.4, description="a hand is looked for until it was not found for this long; 0 searches nowhere"
    )
    scan_every_s: NonNegativeFloat = Field(
        default=0.4, description="look closely at a picture this often where a hand is missing for longer; 0 never does"
    )
    max_shift: PositiveFloat = Field(
        default=0.6, description="in sizes of the hand: further from where it must be, it is another hand"
    )
    max_change: PositiveFloat = Field(
        default=0.25, description="mean shift of the landmarks within the hand, in its sizes, from one to the next"
    )
    max_growth: PositiveFloat = Field(default=1.8, description="ratio of sizes from one sighting to the next")


@dataclass(frozen=True)
class _Region:
    """Where in a picture to look: a square about `center` (2,), with a side in pixels."""

    center: FloatArray
    side: float

    @property
    def scale(self) -> float:
        return CROP_SIDE_PX / self.side

    def cut(self, image: Image) -> Image:
        """The crop (C, C, 3), the picture's border continued outwards."""
        import cv2

        matrix = np.array([[self.scale, 0.0, self.offset[0]], [0.0, self.scale, self.offset[1]]])
        size = (CROP_SIDE_PX, CROP_SIDE_PX)
        return np.asarray(cv2.warpAffine(image, matrix, size, borderMode=cv2.BORDER_REPLICATE), dtype=np.uint8)

    @property
    def offset(self) -> FloatArray:
        return np.asarray((CROP_SIDE_PX - 1) / 2.0 - self.center * self.scale)

    def camera(self, camera: Camera) -> Camera:
        """The camera of the crop."""
        cx, cy = np.array([camera.cx, camera.cy]) * self.scale + self.offset
        fx, fy = camera.fx * self.scale, camera.fy * self.scale
        return replace(camera, fx=fx, fy=fy, cx=cx, cy=cy, width=CROP_SIDE_PX, height=CROP_SIDE_PX)

    def back(self, hand: HandDetection) -> HandDetection:
        """A hand of the crop in pixels of the picture."""
        return replace(hand, landmarks_px=(hand.landmarks_px - self.offset) / self.scale)


class Search:
    """Adds to the detections of N frames what a closer look finds."""

    def __init__(
        self,
        detector: PictureDetector,
        picture: Callable[[int], Image],
        timestamp_ns: IntArray,
        camera: Camera,
        settings: SearchSettings,
        associate: AssociateSettings,
        num_hands: int = 2,
    ) -> None:
        """`picture` gives frame i of the N. A frame in which `num_hands` were found leaves nothing to look for."""
        self._detector = detector
        self._picture = picture
        self._timestamp_ns = timestamp_ns
        self._camera = camera
        self._settings = settings
        self._associate = associate
        self._num_hands = num_hands

    def extend(self, detections: Sequence[Sequence[HandDetection]]) -> list[tuple[HandDetection, ...]]:
        """The detections of each frame and those found besides."""
        found = [list(hands) for hands in detections]
        if self._settings.scan_every_s > 0:
            self._scan(found)
        if self._settings.max_unseen_s > 0:
            tracks, num_found = self._tracks(found), sum(map(len, found))
            for track in tracks:
                self._track_back(track, found)
            for track in tracks if sum(map(len, found)) == num_found else self._tracks(found):
                self._follow(track, +1, found)
                self._follow(track, -1, found)
        return [tuple(hands) for hands in found]

    def _tracks(self, found: list[list[HandDetection]]) -> list[Track]:
        """Tracks of the hands found so far, the longest first."""
        distinct = [distinct_hands(hands, KNOWN_FRACTION) for hands in found]
        tracks = link_tracks(self._timestamp_ns, distinct, self._camera.width, self._associate)
        return sorted(tracks, key=lambda track: (-len(track.items), track.items[0][0]))

    def _track_back(self, track: Track, found: list[list[HandDetection]]) -> None:
        """Track from the first frame of a track towards the beginning, until nothing new was found for a while."""
        start = track.items[0][0]
        if start == 0 or not self._may_be_lost(track.items[0], found):
            return
        frames = range(min(start + WARM_UP_FRAMES, len(found) - 1), -1, -1)
        now = int(self._timestamp_ns[frames[0]])
        reversed_frames = ((now - int(self._timestamp_ns[index]), self._picture(index)) for index in frames)
        last_new = start
        with closing(self._detector.track(reversed_frames, self._camera)) as tracked:
            for index, hands in zip(frames, tracked, strict=False):
                if index >= start:
                    continue
                for hand in hands:
                    if not is_among(hand, found[index], KNOWN_FRACTION):
                        found[index].append(hand)
                        last_new = index
                if self._timestamp_ns[last_new] - self._timestamp_ns[index] > self._settings.max_unseen_s * 1e9:
                    return

    def _may_be_lost(self, item: tuple[int, HandDetection], found: list[list[HandDetection]]) -> bool:
        """Whether the hand of a track's first frame is missing from the frame before."""
        index, hand = item
        return not self._is_full(found[index - 1]) and not any(
            np.linalg.norm(_center(other) - _center(hand)) < self._settings.max_shift * hand_size(hand)
            for other in found[index - 1]
        )

    def _scan(self, found: list[list[HandDetection]]) -> None:
        """Look at halves of pictures amid stretches with fewer hands than there were not long before or after."""
        count = np.array([len(hands) for hands in found])
        expected = np.clip(self._most_around(count, MEMORY_S), 1, self._num_hands)
        shortest = self._most_around(np.where(count < expected, 0, count), self._settings.scan_every_s)
        last_ns = None
        for index in np.flatnonzero(shortest < expected).tolist():
            now = int(self._timestamp_ns[index])
            if last_ns is not None and now - last_ns < self._settings.scan_every_s * 1e9:
                continue
            last_ns = now
            for region in self._tiles():
                for hand in self._look(index, region):
                    if not is_among(hand, found[index], KNOWN_FRACTION):
                        found[index].append(hand)

    def _most_around(self, count: IntArray, seconds: float) -> IntArray:
        """(N,) the largest of count (N,) from `seconds` before to `seconds` after."""
        reach = round(seconds * 1e9)
        first = np.searchsorted(self._timestamp_ns, self._timestamp_ns - reach)
        last = np.searchsorted(self._timestamp_ns, self._timestamp_ns + reach, side="right")
        return np.array([count[a:b].max() for a, b in zip(first, last, strict=True)])

    def _tiles(self) -> list[_Region]:
        """Two squares that cover the picture, with overlap, and some of what lies around it."""
        width, height = self._camera.width, self._camera.height
        side = 0.75 * max(width, height)
        along, across = (0, 1) if width >= height else (1, 0)
        tiles = []
        for share in (0.3, 0.7):
            center = np.zeros(2)
            center[along], center[across] = share * max(width, height), min(width, height) / 2.0
            tiles.append(_Region(center, side))
        return tiles

    def _follow(self, track: Track, direction: int, found: list[list[HandDetection]]) -> None:
        """Look for the hand of a track from its last frame on (+1), or back from its first (-1)."""
        recent = track.items[-5:] if direction > 0 else track.items[4::-1]
        known = [(index, hand) for index, hand in recent]
        index = known[-1][0] + direction
        while 0 <= index < len(found):
            now = int(self._timestamp_ns[index])
            last_index, last = known[-1]
            unseen_s = abs(now - int(self._timestamp_ns[last_index])) / 1e9
            if unseen_s > self._settings.max_unseen_s:
                return
            center = self._expected(known, now)
            if not ((center > 0) & (center < [self._camera.width, self._camera.height])).all():
                return
            size = hand_size(last)
            if any(
                np.linalg.norm(_center(hand) - center) < 0.35 * size and hand.side == last.side for hand in found[index]
            ):
                return  # another track has it from here on
            # The closer crop is worth its time where the hand has just been lost, seldom later.
            factors = CROPS_PER_HAND if abs(index - last_index) == 1 else CROPS_PER_HAND[:1]
            hand = None
            if not self._is_full(found[index]):
                hand = self._closest(index, center, last, found[index], factors)
            if hand is not None:
                found[index].append(hand)
                known.append((index, hand))
            index += direction

    def _expected(self, known: list[tuple[int, HandDetection]], now: int) -> FloatArray:
        """Centre (2,) in pixels at a time, at half the speed of the last sightings: hands slow down."""
        (a, first), (b, last) = known[max(-3, -len(known))], known[-1]
        seconds = (int(self._timestamp_ns[b]) - int(self._timestamp_ns[a])) / 1e9
        if seconds == 0:
            return _center(last)
        speed = (_center(last) - _center(first)) / seconds
        return np.asarray(_center(last) + 0.5 * speed * (now - int(self._timestamp_ns[b])) / 1e9)

    def _closest(
        self,
        index: int,
        center: FloatArray,
        last: HandDetection,
        others: Sequence[HandDetection],
        factors: Sequence[float],
    ) -> HandDetection | None:
        size = hand_size(last)
        for factor in factors:
            candidates = [
                hand
                for hand in self._look(index, _Region(center, factor * size))
                if np.linalg.norm(_center(hand) - center) < self._settings.max_shift * size
                and 1.0 / self._settings.max_growth < hand_size(hand) / size < self._settings.max_growth
                and _posture_change(hand, last) < self._settings.max_change
                and not is_among(hand, others, KNOWN_FRACTION)
            ]
            if candidates:
                return min(candidates, key=lambda hand: landmark_distance(hand, last))
        return None

    def _look(self, index: int, region: _Region) -> list[HandDetection]:
        crop = region.cut(self._picture(index))
        return [region.back(hand) for hand in self._detector.detect(crop, region.camera(self._camera))]

    def _is_full(self, hands: Sequence[HandDetection]) -> bool:
        return sees_all(hands, self._num_hands)


def sees_all(hands: Sequence[HandDetection], num_hands: int) -> bool:
    """Whether as many hands are seen as there are, the same hand seen twice counted once: no other is looked for."""
    return len(hands) >= num_hands and len(distinct_hands(hands, KNOWN_FRACTION)) >= num_hands


def _center(hand: HandDetection) -> FloatArray:
    return np.asarray((hand.landmarks_px.min(axis=0) + hand.landmarks_px.max(axis=0)) / 2.0)


def _posture_change(hand: HandDetection, other: HandDetection) -> float:
    """Mean distance of the landmarks once their centres coincide, in sizes of the other."""
    moved = hand.landmarks_px - hand.landmarks_px.mean(axis=0) - other.landmarks_px + other.landmarks_px.mean(axis=0)
    return float(np.linalg.norm(moved, axis=-1).mean()) / hand_size(other)
