"""What a method says of the hands in a clip, in the form that is compared with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray
from humandata.schemas.landmarks import SIDES, HandLandmark, Side


@dataclass(frozen=True)
class HandEstimate:
    """One side over the T frames of a clip; NaN where it is not reported.

    landmarks_camera (T, 21, 3) in metres in the camera frame; landmarks_px (T, 21, 2) in pixels of the video;
    T_world_ee (T, 4, 4) where the method itself puts the end effector, in a world of its own; sigma_m (T, 3) its own
    standard deviation of the wrist along the camera's axes, NaN where it says nothing; episode (T,) the number of the
    episode a frame belongs to: only within one can poses be compared.
    """

    landmarks_camera: FloatArray
    landmarks_px: FloatArray
    T_world_ee: FloatArray
    sigma_m: FloatArray
    episode: FloatArray


Hands = dict[Side, HandEstimate]


def no_hands(num_frames: int) -> Hands:
    """Both sides, not reported in any frame: arrays to be filled in."""
    points = (num_frames, len(HandLandmark))
    return {
        side: HandEstimate(
            landmarks_camera=np.full((*points, 3), np.nan),
            landmarks_px=np.full((*points, 2), np.nan),
            T_world_ee=np.full((num_frames, 4, 4), np.nan),
            sigma_m=np.full((num_frames, 3), np.nan),
            episode=np.full(num_frames, np.nan),
        )
        for side in SIDES
    }
