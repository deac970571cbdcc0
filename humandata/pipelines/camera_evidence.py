"""What the camera's motion is found from: stored pictures, hands, the sidecar and the files that it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.camera_motion.decide import Evidence
from humandata.camera_motion.declared import declared_poses
from humandata.camera_motion.view import View
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection
from humandata.schemas.sidecar import Sidecar
from humandata.video.depth import open_depth
from humandata.video.images import decode_image
from humandata.video.spool import Pictures


def gather_evidence(
    video: Path,
    sidecar: Sidecar,
    camera: Camera,
    timestamp_ns: NDArray[np.int64],
    detections: Sequence[Sequence[HandDetection]],
    stored: NDArray[np.int64],
    pictures: Pictures,
    max_gap_s: float,
) -> Evidence:
    """What is known of a video's camera, whose k-th picture is of frame `stored[k]` of the N looked at.

    `max_gap_s` is how long a hole an episode runs on across.

    Raises InputError where the sidecar names poses or depth maps that cannot be used.
    """
    maps = None if sidecar.depth is None else open_depth(video, sidecar.depth, camera.width, camera.height)
    view = View(
        timestamp_ns=timestamp_ns[stored],
        picture=lambda number: decode_image(pictures.read(number)),
        hands_px=[[hand.landmarks_px for hand in detections[frame]] for frame in stored.tolist()],
        camera=camera,
    )
    return Evidence(timestamp_ns, view, sidecar, declared_poses(video, sidecar), maps.at if maps else None, max_gap_s)
