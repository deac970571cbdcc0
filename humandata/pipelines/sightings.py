"""What was seen in a video: its frames' times, the pictures kept of them, and the hands in each."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from humandata.arrays import Image, IntArray
from humandata.geometry.cameras import Camera
from humandata.hands import make_estimator
from humandata.hands.estimator import HandDetection, HandEstimator, HandReconstructor, PictureDetector
from humandata.pipelines.frame_pictures import FramePictures
from humandata.pipelines.recipe import Recipe
from humandata.trajectories.associate import settle_sides
from humandata.trajectories.follow import Follower
from humandata.trajectories.search import WARM_UP_FRAMES, Search, sees_all
from humandata.video.decode import Decoding
from humandata.video.rates import Thinner
from humandata.video.spool import PictureSpool
from humandata.video.stretches import Stretch


@dataclass(frozen=True)
class Sightings:
    """What was found in the N frames looked at."""

    timestamp_ns: IntArray
    """(N,)."""
    stored: IntArray
    """Indices of the frames whose pictures were kept, in order; the k-th is number k of the pictures."""
    detections: Sequence[tuple[HandDetection, ...]]
    """N."""
    failures: tuple[str, ...] = ()
    """What the estimator said of frames that it failed on; no hand is known of those."""
    warnings: tuple[str, ...] = ()
    """What the decoder said of the video."""

    @property
    def num_with_hands(self) -> int:
        """Frames in which a hand was found."""
        return sum(bool(hands) for hands in self.detections)


def look(
    decoding: Decoding | Stretch, camera: Camera, estimator: HandEstimator, recipe: Recipe, spool: PictureSpool
) -> Sightings:
    """Find hands in every frame of a video, or part of it, first by tracking forward, then where that left doubt.

    An estimator that reconstructs is given what its detector found so, each hand on the side that its track says.

    The pictures of frames that may become steps are appended to `spool`. Raises what decoding and the estimator raise.
    """
    source_rate = decoding.info.average_rate_hz
    detection_rate = min(recipe.decode.rate_hz, source_rate or recipe.decode.rate_hz)
    thinner = Thinner(recipe.store.rate_hz, detection_rate, decoding.info.start_ns)
    timestamps: list[int] = []
    stored: list[int] = []

    with PictureSpool() as others:
        pictures = FramePictures(spool, others, recipe.store.jpeg_quality, *_looked_at_again(estimator, recipe))

        def frames() -> Generator[tuple[int, Image]]:
            for frame in decoding:
                keep = thinner.keeps(frame.timestamp_ns) and decoding.part.answers_for(frame.timestamp_ns)
                if keep:
                    stored.append(len(timestamps))
                pictures.add(frame.timestamp_ns, frame.image, keep)
                timestamps.append(frame.timestamp_ns)
                yield frame.timestamp_ns, frame.image

        detector = _detector(estimator)
        follower = Follower(detector, _among_people(recipe), recipe.detect.num_hands, camera)
        with closing(frames()) as source:
            followed = follower.follow(source, lambda: len(timestamps), pictures.tell)
        detections = followed.detections
        timestamp_ns = np.array(timestamps, dtype=np.int64)
        if isinstance(detector, PictureDetector):
            detections = look_closer(detector, pictures.read, timestamp_ns, camera, recipe, detections)
        if isinstance(estimator, HandReconstructor):
            settled = settle_sides(timestamp_ns, detections, camera.width, recipe.track.associate)
            seen = ((pictures.read(index) if hands else None, hands) for index, hands in enumerate(settled))
            detections = list(estimator.reconstruct(seen, camera))
    own = [index for index, time_ns in enumerate(timestamps) if decoding.part.answers_for(time_ns)]
    first = own[0] if own else 0
    damage = [decoding.damage] if decoding.damage and len(own) < decoding.part.num_frames else []
    return Sightings(
        timestamp_ns[own],
        np.array(stored, dtype=np.int64) - first,
        [detections[index] for index in own],
        tuple(followed.failures),
        (*decoding.warnings, *damage),
    )


def look_closer(
    detector: PictureDetector,
    picture: Callable[[int], Image],
    timestamp_ns: IntArray,
    camera: Camera,
    recipe: Recipe,
    detections: Sequence[Sequence[HandDetection]],
) -> list[tuple[HandDetection, ...]]:
    """The detections of N frames, of which `picture` gives frame i, and what the recipe's `Search` finds besides."""
    settings, num_hands = recipe.track, recipe.detect.num_hands
    search = Search(detector, picture, timestamp_ns, camera, settings.search, settings.associate, num_hands)
    with closing(detector):
        return search.extend(detections)


def _detector(estimator: HandEstimator) -> HandEstimator:
    """What finds the hands."""
    return estimator.detector if isinstance(estimator, HandReconstructor) else estimator


def _among_people(recipe: Recipe) -> HandEstimator:
    """The same, looking for the hands of two people."""
    twice = recipe.detect.model_copy(update={"num_hands": 2 * recipe.detect.num_hands})
    return _detector(make_estimator(twice))


def _looked_at_again(estimator: HandEstimator, recipe: Recipe) -> tuple[Callable[[Sequence[HandDetection]], bool], int]:
    """Which frames are, given what tracking found in them, and how far from them others, in ns."""
    search = recipe.track.search
    if isinstance(estimator, HandReconstructor):
        return lambda _: True, 0
    if not search.max_unseen_s and not search.scan_every_s:
        return lambda _: False, 0
    reach_s = search.max_unseen_s + (WARM_UP_FRAMES + 1) / recipe.decode.rate_hz
    return lambda hands: not sees_all(hands, recipe.detect.num_hands), round(reach_s * 1e9)
