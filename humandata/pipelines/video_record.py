"""From what was seen in a video to its episodes: camera, lift, cut, judge, write."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from humandata.camera_motion.decide import find_camera_path
from humandata.camera_motion.path import CameraPath
from humandata.dataset.identity import episode_id
from humandata.dataset.records import InputRecord
from humandata.dataset.write import Rejection, write_input
from humandata.embodiments.human_hands import HUMAN_HANDS
from humandata.filters import judge
from humandata.filters.filter import Filter, Rejected
from humandata.hands.estimator import HandEstimator
from humandata.pipelines.camera_evidence import RecordedCamera, gather_evidence, read_recorded_camera
from humandata.pipelines.chapters import Chapter, SeenVideo
from humandata.pipelines.measured_depth import num_measured
from humandata.pipelines.opened_video import OpenedVideo
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.sightings import Sightings
from humandata.schemas.episode import PRIMARY_CAMERA, Episode, Provenance, Scale
from humandata.trajectories.build import Tracks, TrackSettings, build_tracks, cut_segments
from humandata.trajectories.segment import Segment

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

    def write(self, video: OpenedVideo, seen: SeenVideo) -> InputRecord:
        """Write the episodes of a video, chapter by chapter, and then its record.

        Raises InputError where what the sidecar names cannot be used, OutputError where the folder cannot be written.
        """
        recorded = read_recorded_camera(video.item.path, video.sidecar, video.camera, seen.timestamp_ns)
        account = _Account(list(seen.warnings))
        episodes = self._episodes(video, seen, recorded, account)
        return write_input(
            self.source,
            video.identity,
            self.recipe_sha256,
            episodes,
            account.rejected,
            account.figures,
            account.warnings,
        )

    def _episodes(
        self, video: OpenedVideo, seen: SeenVideo, recorded: RecordedCamera, account: _Account
    ) -> Iterator[Episode]:
        """The episodes of all chapters, one after the other; the rest goes into the account."""
        for chapter in seen.chapters:
            yield from self._episodes_of(video, chapter, recorded, account)
        if account.num_segments == 0:
            account.rejected.append(self._nothing_seen(video, seen, account))
        account.warnings += account.told_of_camera()

    def _episodes_of(
        self, video: OpenedVideo, chapter: Chapter, recorded: RecordedCamera, account: _Account
    ) -> Iterator[Episode]:
        tracks = self._tracks(video, chapter, recorded)
        account.count(chapter.seen, tracks.path)
        segments = cut_segments(tracks, chapter.seen.stored, self.recipe.track)
        account.num_segments += len(segments)
        del tracks  # most of the memory, and no longer needed while pictures are
        for segment in segments:
            verdict = judge(segment, self.filters)
            if verdict is None:
                yield self._episode(video, segment, chapter)
            else:
                account.rejected.append(self._rejected(video, segment, verdict))

    def _tracks(self, video: OpenedVideo, chapter: Chapter, recorded: RecordedCamera) -> Tracks:
        seen, sidecar, camera = chapter.seen, video.sidecar, self.recipe.camera
        scale: Scale = "metric" if sidecar.hand_length_m or num_measured(seen.detections) else "assumed"
        settings = _with_hand_length(self.recipe.track, sidecar.hand_length_m)
        evidence = gather_evidence(
            recorded,
            video.camera,
            seen.timestamp_ns,
            seen.detections,
            seen.stored,
            chapter.pictures,
            settings.max_gap_s,
        )
        find_path = partial(find_camera_path, evidence, choice=camera.motion, settings=camera)
        return build_tracks(seen.timestamp_ns, seen.detections, video.camera, sidecar, settings, scale, find_path)

    def _episode(self, video: OpenedVideo, segment: Segment, chapter: Chapter) -> Episode:
        numbers = np.searchsorted(chapter.seen.stored, segment.frame_index)
        return Episode(
            id=self._id(video, segment),
            embodiment=HUMAN_HANDS.name,
            task=video.task,
            input=video.item.input,
            input_sha256=video.identity.input_sha256,
            timestamp_ns=segment.timestamp_ns,
            images={PRIMARY_CAMERA: [chapter.pictures.read(int(number)) for number in numbers]},
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

    def _nothing_seen(self, video: OpenedVideo, seen: SeenVideo, account: _Account) -> Rejection:
        """Why a video gave no candidate at all."""
        num_with_hands = account.figures["frames_with_hands"]
        start_ns, end_ns = int(seen.timestamp_ns[0]), int(seen.timestamp_ns[-1]) + 1
        return Rejection(
            id=episode_id(video.identity.input_sha256, start_ns, end_ns, self.recipe_sha256),
            task=video.task,
            input=video.item.input,
            start_ns=start_ns,
            end_ns=end_ns,
            rule="no_hands",
            reason=f"a hand is tracked in {num_with_hands:.0f} of {len(seen.timestamp_ns)} frames, too few",
            value=num_with_hands,
            limit=2.0,
        )

    def _id(self, video: OpenedVideo, segment: Segment) -> str:
        start_ns, end_ns = int(segment.timestamp_ns[0]), int(segment.timestamp_ns[-1]) + 1
        return episode_id(video.identity.input_sha256, start_ns, end_ns, self.recipe_sha256)


@dataclass
class _Account:
    """What the record of a video tells beside its episodes, as far as its chapters are done."""

    warnings: list[str]
    rejected: list[Rejection] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    num_segments: int = 0
    camera_notes: list[str | None] = field(default_factory=list)
    """Of each chapter, why the camera's motion is not known where it is not."""

    def count(self, seen: Sightings, path: CameraPath) -> None:
        """Add a chapter, over which the camera moved so."""
        self.figures["frames"] += len(seen.timestamp_ns)
        self.figures["frames_with_hands"] += seen.num_with_hands
        self.figures["hands"] += sum(map(len, seen.detections))
        self.figures["hands_with_measured_depth"] += num_measured(seen.detections)
        self.figures[f"camera_{path.camera_motion}"] = 1
        self.camera_notes.append(path.note)

    def told_of_camera(self) -> list[str]:
        """The first note, and of how many chapters there is one where there are several."""
        notes = [note for note in self.camera_notes if note]
        total = len(self.camera_notes)
        return [f"in {len(notes)} of {total} chapters: {notes[0]}" if total > 1 else notes[0]] if notes else []


def _with_hand_length(settings: TrackSettings, hand_length_m: float | None) -> TrackSettings:
    """The settings for a hand that was measured."""
    if hand_length_m is None:
        return settings
    lift = settings.lift.model_copy(update={"hand_length_m": hand_length_m, "hand_length_sd": MEASURED_LENGTH_SD})
    return settings.model_copy(update={"lift": lift})
