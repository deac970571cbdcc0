"""One video into episodes: decode, find hands, lift, cut, judge, write."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.dataset.identity import episode_id
from humandata.dataset.records import InputRecord
from humandata.dataset.write import InputIdentity, Rejection, write_input
from humandata.embodiments.human_hands import HUMAN_HANDS
from humandata.filters import judge, make_filters
from humandata.filters.filter import Rejected
from humandata.geometry.cameras import Camera
from humandata.hands import make_estimator
from humandata.hands.estimator import HandDetection
from humandata.pipelines.intrinsics import choose_camera
from humandata.pipelines.measured_depth import measure_depth, num_measured
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.video_item import VideoItem, identify, read_sidecar
from humandata.schemas.episode import PRIMARY_CAMERA, Episode, IntrinsicsProvenance, Provenance, Scale
from humandata.schemas.sidecar import Sidecar
from humandata.trajectories.build import TrackSettings, build_tracks, cut_segments
from humandata.trajectories.segment import Segment
from humandata.video.decode import Decoding, decode
from humandata.video.images import encode_jpeg
from humandata.video.probe import probe
from humandata.video.rates import Thinner
from humandata.video.spool import PictureSpool


class ExtractStage:
    """Turns a video into the episodes of its source folder and the record of it."""

    name = "extract"

    def __init__(self, source: Path, recipe: Recipe, recipe_sha256: str) -> None:
        self._source = source
        self._recipe = recipe
        self._recipe_sha256 = recipe_sha256
        self._filters = make_filters(recipe.filters)
        self._estimator = make_estimator(recipe.detect)

    def setup(self) -> None:
        """Load the hand estimator."""
        self._estimator.setup()

    def close(self) -> None:
        """Nothing is held between videos."""

    def process(self, item: VideoItem) -> InputRecord:
        """Extract one video and write what it gave; raises InputError where it cannot be used."""
        identity = identify(item)
        sidecar = _completed(read_sidecar(item), self._recipe)
        info = probe(item.path)
        decoding = decode(
            item.path, info, max_side=self._recipe.decode.max_side_px, rate_hz=self._recipe.decode.rate_hz
        )
        camera, intrinsics = choose_camera(
            item.path, sidecar, info, decoding.width, decoding.height, self._recipe.camera
        )
        with PictureSpool() as spool:
            seen = self._look(decoding, camera, spool)
            measured = measure_depth(
                item.path, sidecar, camera, seen.timestamp_ns, seen.detections, self._estimator, self._recipe.decode
            )
            scale: Scale = "metric" if sidecar.hand_length_m or num_measured(measured) else "assumed"
            settings = _with_hand_length(self._recipe.track, sidecar.hand_length_m)
            tracks = build_tracks(seen.timestamp_ns, measured, camera, sidecar, settings, scale)
            candidates = [
                self._candidate(item, identity, sidecar.task or item.task, intrinsics, segment)
                for segment in cut_segments(tracks, seen.stored, self._recipe.track)
            ]
            verdicts = [judge(segment, self._filters) for segment, _ in candidates]
            kept = [each for each, verdict in zip(candidates, verdicts, strict=True) if verdict is None]
            rejected = [
                _rejection(episode, verdict)
                for (_, episode), verdict in zip(candidates, verdicts, strict=True)
                if verdict is not None
            ]
            if not candidates:
                rejected = [self._nothing_seen(item, identity, sidecar.task or item.task, seen)]
            return write_input(
                self._source,
                identity,
                self._recipe_sha256,
                (_with_pictures(segment, episode, seen, spool) for segment, episode in kept),
                rejected,
                {
                    "frames": len(seen.timestamp_ns),
                    "frames_with_hands": seen.num_with_hands,
                    "hands": sum(map(len, measured)),
                    "hands_with_measured_depth": num_measured(measured),
                },
                decoding.warnings,
            )

    def _candidate(
        self,
        item: VideoItem,
        identity: InputIdentity,
        task: str | None,
        intrinsics: IntrinsicsProvenance,
        segment: Segment,
    ) -> tuple[Segment, Episode]:
        """The episode a segment would become, without its pictures."""
        start_ns, end_ns = int(segment.timestamp_ns[0]), int(segment.timestamp_ns[-1]) + 1
        return segment, Episode(
            id=episode_id(identity.input_sha256, start_ns, end_ns, self._recipe_sha256),
            embodiment=HUMAN_HANDS.name,
            task=task,
            input=item.input,
            input_sha256=identity.input_sha256,
            timestamp_ns=segment.timestamp_ns,
            images={},
            arms=segment.arms,
            T_world_camera=segment.T_world_camera,
            world_valid=segment.world_valid,
            camera=segment.camera,
            provenance=Provenance(
                world_frame=segment.world_frame,
                camera_motion=segment.camera_motion,
                scale=segment.scale,
                intrinsics=intrinsics,
                estimator=f"{self._estimator.name} {self._estimator.version}",
                weights_sha256=self._estimator.weights_sha256,
            ),
            rate_hz=self._recipe.store.rate_hz,
            quality=segment.quality,
        )

    def _nothing_seen(self, item: VideoItem, identity: InputIdentity, task: str | None, seen: _Seen) -> Rejection:
        """Why a video gave no candidate at all."""
        start_ns, end_ns = int(seen.timestamp_ns[0]), int(seen.timestamp_ns[-1]) + 1
        return Rejection(
            id=episode_id(identity.input_sha256, start_ns, end_ns, self._recipe_sha256),
            task=task,
            input=item.input,
            start_ns=start_ns,
            end_ns=end_ns,
            rule="no_hands",
            reason=f"a hand is tracked in {seen.num_with_hands} of {len(seen.timestamp_ns)} frames, too few",
            value=float(seen.num_with_hands),
            limit=2.0,
        )

    def _look(self, decoding: Decoding, camera: Camera, spool: PictureSpool) -> _Seen:
        """Find hands in every frame; keep the pictures of those frames that may become steps."""
        source_rate = decoding.info.average_rate_hz
        detection_rate = min(self._recipe.decode.rate_hz, source_rate or self._recipe.decode.rate_hz)
        thinner = Thinner(self._recipe.store.rate_hz, detection_rate)
        timestamps: list[int] = []
        stored: list[int] = []

        def frames() -> Generator[tuple[int, NDArray[np.uint8]]]:
            for frame in decoding:
                if thinner.keeps(frame.timestamp_ns):
                    stored.append(len(timestamps))
                    spool.append(encode_jpeg(frame.image, self._recipe.store.jpeg_quality))
                timestamps.append(frame.timestamp_ns)
                yield frame.timestamp_ns, frame.image

        with closing(frames()) as source:
            detections = list(self._estimator.track(source, camera))
        return _Seen(np.array(timestamps, dtype=np.int64), np.array(stored, dtype=np.int64), detections)


@dataclass(frozen=True)
class _Seen:
    """What was found in the N frames looked at."""

    timestamp_ns: NDArray[np.int64]
    """(N,)."""
    stored: NDArray[np.int64]
    """Indices of the frames whose pictures were kept, in order; the k-th is number k of the spool."""
    detections: list[tuple[HandDetection, ...]]
    """N."""

    @property
    def num_with_hands(self) -> int:
        return sum(bool(hands) for hands in self.detections)


def _completed(sidecar: Sidecar, recipe: Recipe) -> Sidecar:
    """The sidecar, and what the recipe vouches for where it says nothing."""
    said: dict[str, object] = {}
    if sidecar.camera_motion is None and recipe.camera.motion == "static":
        said["camera_motion"] = "static"
    if sidecar.hand_length_m is None:
        said["hand_length_m"] = recipe.person.hand_length_m
    return sidecar.model_copy(update=said)


def _with_hand_length(settings: TrackSettings, hand_length_m: float | None) -> TrackSettings:
    """The settings for a hand that was measured."""
    if hand_length_m is None:
        return settings
    return settings.model_copy(update={"lift": settings.lift.model_copy(update={"hand_length_m": hand_length_m})})


def _rejection(episode: Episode, verdict: Rejected) -> Rejection:
    return Rejection(
        id=episode.id,
        task=episode.task,
        input=episode.input,
        start_ns=int(episode.timestamp_ns[0]),
        end_ns=int(episode.timestamp_ns[-1]) + 1,
        rule=verdict.rule,
        reason=verdict.reason,
        value=verdict.value,
        limit=verdict.limit,
    )


def _with_pictures(segment: Segment, episode: Episode, seen: _Seen, spool: PictureSpool) -> Episode:
    numbers = np.searchsorted(seen.stored, segment.frame_index)
    return replace(episode, images={PRIMARY_CAMERA: [spool.read(int(number)) for number in numbers]})
