"""What the studio knows of a clip: exact poses, landmarks and apertures. For tests and benchmarks only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from humandata.arrays import BoolArray, FloatArray, IntArray
from humandata.geometry.cameras import Camera
from humandata.schemas.landmarks import SIDES, Side

_CAMERA_FIELDS = ("fx", "fy", "cx", "cy", "width", "height")
_HAND_FIELDS = ("visible", "landmarks_camera", "landmarks_px", "T_world_wrist", "T_world_ee", "aperture_m")


@dataclass(frozen=True)
class HandTruth:
    """One side over T frames. Metres; the EE by the rule `palm`. NaN, and not visible, where there is no such hand.

    visible (T,) is true where at least three quarters of the landmarks are inside the picture and not behind something
    else (studio/clip_truth.py); landmarks_camera (T, 21, 3), landmarks_px (T, 21, 2),
    T_world_wrist and T_world_ee (T, 4, 4), aperture_m (T,).
    """

    visible: BoolArray
    landmarks_camera: FloatArray
    landmarks_px: FloatArray
    T_world_wrist: FloatArray
    T_world_ee: FloatArray
    aperture_m: FloatArray


@dataclass(frozen=True)
class Truth:
    """A clip over T frames: timestamp_ns (T,) as in the container, T_world_camera and T_world_block (T, 4, 4).

    T_world_block is NaN where no block is moved.
    """

    task: str
    camera: Camera
    timestamp_ns: IntArray
    T_world_camera: FloatArray
    T_world_block: FloatArray
    hands: dict[Side, HandTruth]


def save_truth(truth: Truth, path: Path) -> None:
    """Write a clip's truth as an .npz without pickles."""
    arrays: dict[str, NDArray[np.generic]] = {
        "task": np.array(truth.task),
        "camera": np.array([getattr(truth.camera, name) for name in _CAMERA_FIELDS], dtype=np.float64),
        "timestamp_ns": truth.timestamp_ns,
        "T_world_camera": truth.T_world_camera,
        "T_world_block": truth.T_world_block,
    }
    for side, hand in truth.hands.items():
        arrays.update({f"{side}.{name}": getattr(hand, name) for name in _HAND_FIELDS})
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def load_truth(path: Path) -> Truth:
    """Read what `save_truth` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        fx, fy, cx, cy, width, height = arrays["camera"]
        return Truth(
            task=str(arrays["task"]),
            camera=Camera(float(fx), float(fy), float(cx), float(cy), int(width), int(height)),
            timestamp_ns=arrays["timestamp_ns"],
            T_world_camera=arrays["T_world_camera"],
            T_world_block=arrays["T_world_block"],
            hands={side: HandTruth(**{name: arrays[f"{side}.{name}"] for name in _HAND_FIELDS}) for side in SIDES},
        )
