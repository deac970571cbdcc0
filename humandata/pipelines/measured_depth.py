"""What a sidecar's depth maps or second video measure of the hands that were found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from humandata.arrays import Image, IntArray
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import transform_from_position_wxyz
from humandata.hands.estimator import HandDetection, HandEstimator
from humandata.hands.stereo import StereoRig, with_stereo_depth
from humandata.hands.surface_depth import with_measured_depth
from humandata.pipelines.intrinsics import fitted_camera
from humandata.pipelines.recipe import DecodeSettings
from humandata.schemas.sidecar import DepthSource, SecondCamera, Sidecar
from humandata.video.companions import find_companion
from humandata.video.decode import EmptyStretchError, decode
from humandata.video.depth import open_depth
from humandata.video.parts import WHOLE, Part
from humandata.video.probe import probe

Hands = tuple[HandDetection, ...]

MAX_STEREO_LAG_NS = 10_000_000
"""Between the two pictures of a pair: a hand at 1 m/s moves a centimetre in it."""


def measure_depth(
    video: Path,
    sidecar: Sidecar,
    camera: Camera,
    timestamp_ns: IntArray,
    detections: Sequence[Hands],
    estimator: HandEstimator,
    settings: DecodeSettings,
    part: Part = WHOLE,
) -> list[Hands]:
    """The detections of N frames (timestamps (N,)), with `landmarks_depth_m` where the sidecar's measurements tell it.

    `part` is what of the video they are of. A depth map counts before a second video. Raises InputError where what the
    sidecar names cannot be used.
    """
    measured = list(detections)
    if sidecar.stereo is not None:
        measured = list(_by_stereo(video, sidecar.stereo, camera, timestamp_ns, measured, estimator, settings, part))
    if sidecar.depth is not None:
        measured = list(_by_maps(video, sidecar.depth, camera, timestamp_ns, measured))
    return measured


def num_measured(detections: Sequence[Hands]) -> int:
    """How many of the hands have a measured depth."""
    return sum(hand.landmarks_depth_m is not None for hands in detections for hand in hands)


def _by_maps(
    video: Path,
    source: DepthSource,
    camera: Camera,
    timestamp_ns: IntArray,
    detections: Sequence[Hands],
) -> Iterator[Hands]:
    maps = open_depth(video, source, camera.width, camera.height)
    for time_ns, hands in zip(timestamp_ns.tolist(), detections, strict=True):
        metres = maps.at(time_ns) if hands else None
        yield hands if metres is None else tuple(with_measured_depth(hand, metres, camera) for hand in hands)


def _by_stereo(
    video: Path,
    second: SecondCamera,
    camera: Camera,
    timestamp_ns: IntArray,
    detections: Sequence[Hands],
    estimator: HandEstimator,
    settings: DecodeSettings,
    part: Part,
) -> Iterator[Hands]:
    path = find_companion(video, second.video)
    info = probe(path)
    decoding = decode(
        path,
        info,
        max_side=settings.max_side_px,
        rate_hz=settings.rate_hz,
        part=part.beside(second.offset_ns, MAX_STEREO_LAG_NS),
        stall_timeout_s=settings.stall_timeout_s,
    )
    second_camera = fitted_camera(second.intrinsics, decoding.width, decoding.height, path)
    T_camera_second = transform_from_position_wxyz(np.array(second.position), np.array(second.wxyz))
    rig = StereoRig(camera, second_camera, T_camera_second)
    second_ns: list[int] = []

    def frames() -> Iterator[tuple[int, Image]]:
        for frame in decoding:
            second_ns.append(frame.timestamp_ns + second.offset_ns)
            yield frame.timestamp_ns, frame.image

    try:
        second_hands = list(estimator.track(frames(), second_camera))
    except EmptyStretchError:  # it ends before the part begins, or begins after its end
        yield from detections
        return
    times = np.array(second_ns, dtype=np.int64)
    for time_ns, hands in zip(timestamp_ns.tolist(), detections, strict=True):
        nearest = int(np.argmin(np.abs(times - time_ns)))
        in_step = abs(int(times[nearest]) - time_ns) <= MAX_STEREO_LAG_NS
        yield with_stereo_depth(hands, second_hands[nearest], rig) if in_step else hands
