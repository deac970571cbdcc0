"""What the camera's motion is found from: stored pictures, hands, the sidecar and the files that it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from humandata.arrays import IntArray
from humandata.camera_motion.decide import Evidence
from humandata.camera_motion.declared import DeclaredPoses, check_clocks, declared_poses
from humandata.camera_motion.rgbd import DepthAt
from humandata.camera_motion.view import View
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection
from humandata.schemas.sidecar import Sidecar
from humandata.video.depth import open_depth
from humandata.video.images import decode_grey, decode_image
from humandata.video.spool import Pictures


@dataclass(frozen=True)
class RecordedCamera:
    """What was recorded of a video's camera, beside its pictures."""

    sidecar: Sidecar
    poses: DeclaredPoses | None
    depth_at: DepthAt | None


def read_recorded_camera(video: Path, sidecar: Sidecar, camera: Camera, timestamp_ns: IntArray) -> RecordedCamera:
    """What the sidecar of a video with frames at timestamp_ns (N,) names; raises InputError where that is of no use."""
    maps = None if sidecar.depth is None else open_depth(video, sidecar.depth, camera.width, camera.height)
    poses = declared_poses(video, sidecar)
    check_clocks(timestamp_ns, sidecar, poses)
    return RecordedCamera(sidecar, poses, maps.at if maps else None)


def gather_evidence(
    recorded: RecordedCamera,
    camera: Camera,
    timestamp_ns: IntArray,
    detections: Sequence[Sequence[HandDetection]],
    stored: IntArray,
    pictures: Pictures,
    max_gap_s: float,
) -> Evidence:
    """What is known of the camera over N frames, whose k-th picture is of frame `stored[k]`.

    `max_gap_s` is how long a hole an episode runs on across.
    """
    view = View(
        timestamp_ns=timestamp_ns[stored],
        picture=lambda number: decode_image(pictures.read(number)),
        hands_px=[[hand.landmarks_px for hand in detections[frame]] for frame in stored.tolist()],
        camera=camera,
        grey_picture=lambda number, reduction: decode_grey(pictures.read(number), reduction),
    )
    return Evidence(timestamp_ns, view, recorded.sidecar, recorded.poses, recorded.depth_at, max_gap_s)
