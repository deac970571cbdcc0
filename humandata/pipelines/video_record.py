"""From what was seen in a video to its episodes: camera, lift, cut, judge, write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from humandata.camera_motion.decide import find_camera_path
from humandata.dataset.identity import episode_id
from humandata.dataset.records import InputRecord
from humandata.dataset.write import Rejection, write_input
from humandata.embodiments.human_hands import HUMAN_HANDS
from humandata.filters import judge
from humandata.filters.filter import Filter, Rejected
from humandata.hands.estimator import HandEstimator
from humandata.pipelines.camera_evidence import gather_evidence
from humandata.pipelines.measured_depth import num_measured
from humandata.pipelines.opened_video import OpenedVideo
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.sightings import Sightings
from humandata.schemas.episode import PRIMARY_CAMERA, Episode, Provenance, Scale
from humandata.trajectories.build import TrackSettings, build_tracks, cut_segments
from humandata.trajectories.segment import Segment
from humandata.video.spool import Pictures

MEASURED_LENGTH_SD = 0.015
"""Of the logarithm of a hand's length that was measured with a ruler: 3 mm, most of it where the wrist begins."""


@dataclass(frozen=True)
class VideoWriter:
    """Writes what was seen in videos into a source."""

    source: Path
    recipe: Recipe
    recipe_sha256: str
    estimator: HandEstimator
    filters: Sequence[Filter]

    def write(self, video: OpenedVideo, seen: Sightings, pictures: Pictures) -> InputRecord:
        """Write the episodes of a video and then its record; `pictures` are those of `seen.stored`.

        Raises InputError where what the sidecar names cannot be used, OutputError where the folder cannot be written.
        """
        sidecar, track = video.sidecar, self.recipe.track
        measured = num_measured(seen.detections)
        scale: Scale = "metric" if sidecar.hand_length_m or measured else "assumed"
        settings = _with_hand_length(track, sidecar.hand_length_m)
        max_gap_s = max(settings.fill.max_gap_s, settings.segment.max_gap_s)
        evidence = gather_evidence(
            video.item.path, sidecar, video.camera, seen.timestamp_ns, seen.detections, seen.stored, pictures, max_gap_s
        )
        choice = self.recipe.camera.motion
        find_path = partial(find_camera_path, evidence, choice=choice, settings=self.recipe.camera)
        tracks = build_tracks(seen.timestamp_ns, seen.detections, video.camera, sidecar, settings, scale, find_path)
        segments = cut_segments(tracks, seen.stored, track)
        verdicts = [judge(segment, self.filters) for segment in segments]
        rejected = [
            self._rejected(video, segment, verdict)
            for segment, verdict in zip(segments, verdicts, strict=True)
            if verdict is not None
        ]
        return write_input(
            self.source,
            video.identity,
            self.recipe_sha256,
            (
                self._episode(video, segment, seen, pictures)
                for segment, verdict in zip(segments, verdicts, strict=True)
                if verdict is None
            ),
            rejected if segments else [self._nothing_seen(video, seen)],
            {
                "frames": len(seen.timestamp_ns),
                "frames_with_hands": seen.num_with_hands,
                "hands": sum(map(len, seen.detections)),
                "hands_with_measured_depth": measured,
                f"camera_{tracks.path.camera_motion}": 1,
            },
            [*seen.warnings, *seen.failures, *([tracks.path.note] if tracks.path.note else [])],
        )

    def _episode(self, video: OpenedVideo, segment: Segment, seen: Sightings, pictures: Pictures) -> Episode:
        numbers = np.searchsorted(seen.stored, segment.frame_index)
        return Episode(
            id=self._id(video, segment),
            embodiment=HUMAN_HANDS.name,
            task=video.task,
            input=video.item.input,
            input_sha256=video.identity.input_sha256,
            timestamp_ns=segment.timestamp_ns,
            images={PRIMARY_CAMERA: [pictures.read(int(number)) for number in numbers]},
            arms=segment.arms,
            T_world_camera=segment.T_world_camera,
            world_valid=segment.world_valid,
            camera=segment.camera,
            provenance=Provenance(
                world_frame=segment.world_frame,
                camera_motion=segment.camera_motion,
                scale=segment.scale,
                intrinsics=video.intrinsics,
                estimator=f"{self.estimator.name} {self.estimator.version}",
                weights_sha256=self.estimator.weights_sha256,
                camera_decided_by=segment.camera_decided_by,
            ),
            rate_hz=self.recipe.store.rate_hz,
            quality=segment.quality,
        )

    def _rejected(self, video: OpenedVideo, segment: Segment, verdict: Rejected) -> Rejection:
        return Rejection(
            id=self._id(video, segment),
            task=video.task,
            input=video.item.input,
            start_ns=int(segment.timestamp_ns[0]),
            end_ns=int(segment.timestamp_ns[-1]) + 1,
            rule=verdict.rule,
            reason=verdict.reason,
            value=verdict.value,
            limit=verdict.limit,
        )

    def _nothing_seen(self, video: OpenedVideo, seen: Sightings) -> Rejection:
        """Why a video gave no candidate at all."""
        start_ns, end_ns = int(seen.timestamp_ns[0]), int(seen.timestamp_ns[-1]) + 1
        return Rejection(
            id=episode_id(video.identity.input_sha256, start_ns, end_ns, self.recipe_sha256),
            task=video.task,
            input=video.item.input,
            start_ns=start_ns,
            end_ns=end_ns,
            rule="no_hands",
            reason=f"a hand is tracked in {seen.num_with_hands} of {len(seen.timestamp_ns)} frames, too few",
            value=float(seen.num_with_hands),
            limit=2.0,
        )

    def _id(self, video: OpenedVideo, segment: Segment) -> str:
        start_ns, end_ns = int(segment.timestamp_ns[0]), int(segment.timestamp_ns[-1]) + 1
        return episode_id(video.identity.input_sha256, start_ns, end_ns, self.recipe_sha256)


def _with_hand_length(settings: TrackSettings, hand_length_m: float | None) -> TrackSettings:
    """The settings for a hand that was measured."""
    if hand_length_m is None:
        return settings
    lift = settings.lift.model_copy(update={"hand_length_m": hand_length_m, "hand_length_sd": MEASURED_LENGTH_SD})
    return settings.model_copy(update={"lift": lift})
