"""One video into episodes: decode, find hands, lift, cut, judge, write."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from humandata.camera_motion.decide import find_camera_path
from humandata.dataset.identity import episode_id
from humandata.dataset.records import InputRecord
from humandata.dataset.write import InputIdentity, Rejection, write_input
from humandata.embodiments.human_hands import HUMAN_HANDS
from humandata.filters import judge, make_filters
from humandata.filters.filter import Rejected
from humandata.hands import make_estimator
from humandata.pipelines.camera_evidence import gather_evidence
from humandata.pipelines.intrinsics import choose_camera
from humandata.pipelines.measured_depth import measure_depth, num_measured
from humandata.pipelines.recipe import Recipe
from humandata.pipelines.sightings import Sightings, look
from humandata.pipelines.stage import Needs
from humandata.pipelines.video_item import VideoItem, identify, read_sidecar
from humandata.schemas.episode import PRIMARY_CAMERA, Episode, IntrinsicsProvenance, Provenance, Scale
from humandata.schemas.sidecar import Sidecar
from humandata.trajectories.build import TrackSettings, build_tracks, cut_segments
from humandata.trajectories.segment import Segment
from humandata.video.decode import decode
from humandata.video.probe import probe
from humandata.video.spool import PictureSpool

MEASURED_LENGTH_SD = 0.015
"""Of the logarithm of a hand's length that was measured with a ruler: 3 mm, most of it where the wrist begins."""

MEMORY_BYTES = 2 << 30
"""What a worker asks of a cluster: several times what the model, a decoder of 4K and an hour's landmarks take."""


class ExtractStage:
    """Turns a video into the episodes of its source folder and the record of it."""

    name = "extract"

    def __init__(self, source: Path, recipe: Recipe, recipe_sha256: str, num_gpus: float = 0.0) -> None:
        self.needs = Needs(num_gpus=num_gpus, memory_bytes=MEMORY_BYTES)
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
            seen = look(decoding, camera, self._estimator, self._recipe, spool)
            measured = measure_depth(
                item.path, sidecar, camera, seen.timestamp_ns, seen.detections, self._estimator, self._recipe.decode
            )
            scale: Scale = "metric" if sidecar.hand_length_m or num_measured(measured) else "assumed"
            settings = _with_hand_length(self._recipe.track, sidecar.hand_length_m)
            max_gap_s = max(settings.fill.max_gap_s, settings.segment.max_gap_s)
            evidence = gather_evidence(
                item.path, sidecar, camera, seen.timestamp_ns, seen.detections, seen.stored, spool, max_gap_s
            )
            motion = self._recipe.camera.motion
            find_path = partial(find_camera_path, evidence, choice=motion, settings=self._recipe.camera)
            tracks = build_tracks(seen.timestamp_ns, measured, camera, sidecar, settings, scale, find_path)
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
                    f"camera_{tracks.path.camera_motion}": 1,
                },
                [*decoding.warnings, *seen.failures, *([tracks.path.note] if tracks.path.note else [])],
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
                camera_decided_by=segment.camera_decided_by,
            ),
            rate_hz=self._recipe.store.rate_hz,
            quality=segment.quality,
        )

    def _nothing_seen(self, item: VideoItem, identity: InputIdentity, task: str | None, seen: Sightings) -> Rejection:
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


def _completed(sidecar: Sidecar, recipe: Recipe) -> Sidecar:
    """The sidecar, and what the recipe vouches for where it says nothing."""
    said: dict[str, object] = {}
    if sidecar.hand_length_m is None:
        said["hand_length_m"] = recipe.person.hand_length_m
    return sidecar.model_copy(update=said)


def _with_hand_length(settings: TrackSettings, hand_length_m: float | None) -> TrackSettings:
    """The settings for a hand that was measured."""
    if hand_length_m is None:
        return settings
    lift = settings.lift.model_copy(update={"hand_length_m": hand_length_m, "hand_length_sd": MEASURED_LENGTH_SD})
    return settings.model_copy(update={"lift": lift})


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


def _with_pictures(segment: Segment, episode: Episode, seen: Sightings, spool: PictureSpool) -> Episode:
    numbers = np.searchsorted(seen.stored, segment.frame_index)
    return replace(episode, images={PRIMARY_CAMERA: [spool.read(int(number)) for number in numbers]})
