"""A clip as a rig takes it that measures depth: colour, registered depth maps, and a second camera beside the first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.arrays import Float32Array
from humandata.geometry.transforms import make_transform
from humandata.schemas.sidecar import DepthSource, SecondCamera, Sidecar
from humandata.studio.capture import encode_mp4, record_clip
from humandata.studio.clip import Clip, clip_sidecar, render_clip
from humandata.studio.render import Rendering

BASELINE_M = 0.08
"""Between the two cameras, side by side."""

DEPTH_STRIDE = 2
"""A depth map has every second pixel of every second row."""

SCALE_M = 0.001

_DISPARITY_NOISE_PX = 0.08
_DEPTH_BASELINE_M = 0.05
"""A stereo depth camera's: its error grows with the square of depth (Intel RealSense D400 datasheet, RMS subpixel error
and baseline), to 1 mm at 0.6 m."""

_EDGE_M = 0.03
"""Where neighbouring pixels differ by more, such a camera measures nothing."""


def record_measured_clip(clip: Clip, video: Path, truth_folder: Path) -> Sidecar:
    """Write `video`, its truth, `<stem>.depth/` and `<stem>.second.mp4` beside it; returns a sidecar that names all.

    The sidecar that is written beside the video is a `clip_sidecar`, which names none of it. Depth maps are 16-bit
    PNGs, coarser than the picture, noisy, and with holes at edges.
    """
    import cv2

    depth_folder = video.with_name(f"{video.stem}.depth")
    depth_folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(clip.num_frames)

    def write_depth(frame: int, rendering: Rendering) -> None:
        units = sensed_depth(rendering.depth, clip.head.camera.fx, rng)
        cv2.imwrite(str(depth_folder / f"{frame:06d}.png"), units)

    record_clip(clip, clip_sidecar(clip), video, truth_folder, write_depth)
    T_camera_second = make_transform(np.eye(3), [BASELINE_M, 0.0, 0.0])
    second = replace(clip, T_world_camera=clip.T_world_camera @ T_camera_second)
    second_path = video.with_name(f"{video.stem}.second.mp4")
    encode_mp4((rendering.image for rendering in render_clip(second)), clip.frame_rate, second_path)
    sidecar = clip_sidecar(clip)
    assert sidecar.intrinsics is not None
    return sidecar.model_copy(
        update={
            "hand_length_m": clip.person.hand.length_m,
            "depth": DepthSource(path=depth_folder.name, scale_m=SCALE_M),
            "stereo": SecondCamera(
                video=second_path.name,
                intrinsics=sidecar.intrinsics,
                position=(BASELINE_M, 0.0, 0.0),
                wxyz=(1.0, 0.0, 0.0, 0.0),
            ),
        }
    )


def sensed_depth(depth: Float32Array, focal_px: float, rng: np.random.Generator) -> NDArray[np.uint16]:
    """What a depth camera makes of exact depth (H, W) in metres: coarser, noisy, 0 at edges and where nothing is."""
    import cv2

    far = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
    kernel = np.ones((3, 3), np.uint8)
    edge = cv2.dilate(far, kernel) - cv2.erode(far, kernel) > _EDGE_M
    coarse = far[::DEPTH_STRIDE, ::DEPTH_STRIDE]
    sigma = coarse**2 * (_DISPARITY_NOISE_PX / (focal_px * _DEPTH_BASELINE_M))
    noisy = coarse + sigma * rng.standard_normal(coarse.shape)
    noisy[edge[::DEPTH_STRIDE, ::DEPTH_STRIDE]] = 0.0
    return np.round(np.clip(noisy / SCALE_M, 0.0, 65535.0)).astype(np.uint16)
