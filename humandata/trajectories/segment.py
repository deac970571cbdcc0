"""Where an episode begins and ends, and what a candidate episode holds."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from pydantic import Field, NonNegativeFloat, PositiveFloat

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.geometry.cameras import Camera
from humandata.schemas.documents import Document
from humandata.schemas.episode import ArmTrack, CameraDecision, CameraMotion, Scale, WorldFrame
from humandata.schemas.landmarks import Side


class SegmentSettings(Document):
    """The recipe's section `segment`."""

    max_gap_s: NonNegativeFloat = Field(
        default=0.667, description="no hand for longer than this ends the episode (Phantom: 10 frames at 15 Hz)"
    )
    max_length_s: PositiveFloat = Field(default=60.0, description="a longer one is cut into equal parts")


@dataclass(frozen=True)
class Segment:
    """A candidate episode: T >= 2 steps, as far as the trajectory is concerned."""

    frame_index: IntArray
    """(T,) which of the frames looked at are its steps."""
    timestamp_ns: IntArray
    """(T,)."""
    arms: dict[Side, ArmTrack]
    """Both; the one that is not there is not valid at any step."""
    T_world_camera: FloatArray
    """(T, 4, 4); NaN where it is not known."""
    world_valid: BoolArray
    """(T,)."""
    world_frame: WorldFrame
    camera_motion: CameraMotion
    camera_decided_by: CameraDecision
    scale: Scale
    camera: Camera
    """Of the image looked at, in whose pixels the landmarks are."""
    quality: dict[str, float]
    """Figures by name, see `measure_quality`."""


def spans(timestamp_ns: IntArray, tracked: BoolArray, settings: SegmentSettings) -> list[tuple[int, int]]:
    """Half-open ranges of steps, each at least 2 long, that make an episode: from the first to the last tracked one.

    `tracked` (T,) says whether any hand is known at a step. Steps further apart than the longest gap (a stalled camera)
    end an episode as a gap does.
    """
    steps = np.flatnonzero(tracked)
    if len(steps) == 0:
        return []
    breaks = np.flatnonzero(np.diff(timestamp_ns[steps]) > settings.max_gap_s * 1e9)
    runs = zip(np.append(0, breaks + 1), np.append(breaks, len(steps) - 1), strict=True)
    parts = [part for a, b in runs for part in _parts(timestamp_ns, int(steps[a]), int(steps[b]) + 1, settings)]
    return [(start, stop) for start, stop in parts if stop - start >= 2]


def measure_quality(arms: dict[Side, ArmTrack], reprojection_px: dict[Side, FloatArray]) -> dict[str, float]:
    """Figures of a segment, from its arms and the reprojection error (T,) of each.

    `mean_confidence` of what was observed; `interpolated_fraction` of the valid steps of the arms;
    `mean_reprojection_px`, root mean square over the landmarks, averaged over the steps observed.
    """
    observed = {side: arm.valid & ~arm.interpolated for side, arm in arms.items()}
    num_valid = sum(int(arm.valid.sum()) for arm in arms.values())
    num_observed = sum(int(steps.sum()) for steps in observed.values())
    if num_observed == 0:
        return {}
    confidence = np.concatenate([arms[side].confidence[observed[side]] for side in arms])
    error = np.concatenate([reprojection_px[side][observed[side]] for side in arms])
    return {
        "mean_confidence": float(confidence.mean()),
        "interpolated_fraction": 1.0 - num_observed / num_valid,
        "mean_reprojection_px": float(error.mean()),
    }


def _parts(timestamp_ns: IntArray, start: int, stop: int, settings: SegmentSettings) -> list[tuple[int, int]]:
    seconds = (timestamp_ns[stop - 1] - timestamp_ns[start]) / 1e9
    count = max(1, int(np.ceil(seconds / settings.max_length_s)))
    cuts = np.linspace(start, stop, count + 1).round().astype(int).tolist()
    return list(itertools.pairwise(cuts))
