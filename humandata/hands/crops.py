"""Square crops around hands, as the networks take them that reconstruct one hand at a time (HaMeR, WiLoR).

These networks know right hands only. The crop of a left hand is mirrored, and what the network says of it is mirrored
back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import FloatArray, Image
from humandata.schemas.landmarks import Side

CROP_PX = 256
"""Side of the picture that the network is given."""
BOX_SCALE = 2.0
"""Side of the crop over that of the tight box of the landmarks (`rescale_factor` of HaMeR's demo)."""
MAX_WIDTH_OVER_HEIGHT = 192 / 256
"""The backbone sees the middle 192 of the 256 columns, so the box has to fit into those."""
_MIN_SIZE_PX = 2.0


@dataclass(frozen=True)
class Crop:
    """Where a crop lies in its image, and whether it is mirrored. Its own unit is its side, its origin its centre."""

    center_px: FloatArray
    """(2,) in the image; (0, 0) is the centre of the top-left pixel."""
    size_px: float
    """Side of the square in pixels of the image."""
    mirrored: bool

    def to_image(self, points_crop: ArrayLike) -> FloatArray:
        """Pixels (..., 2) of the image, of points (..., 2) in the crop: x in [-0.5, 0.5] to the right as it is seen."""
        sign = [-1.0 if self.mirrored else 1.0, 1.0]
        return self.center_px + np.asarray(points_crop, dtype=np.float64) * sign * self.size_px


def crop_around(landmarks_px: FloatArray, side: Side) -> Crop:
    """The crop of a hand whose landmarks (21, 2) are roughly known."""
    low, high = landmarks_px.min(axis=0), landmarks_px.max(axis=0)
    width, height = BOX_SCALE * (high - low)
    size = max(width / MAX_WIDTH_OVER_HEIGHT, height, _MIN_SIZE_PX)
    return Crop((low + high) / 2.0, float(size), mirrored=side == "left")


def cut(image: Image, crop: Crop) -> Image:
    """The picture (CROP_PX, CROP_PX, 3) of a crop of an RGB image (H, W, 3), black where it reaches beyond the image.

    A crop that is shrunk to less than half is blurred first, as HaMeR was trained: sigma = (shrinkage / 2 - 1) / 2.
    """
    import cv2

    scale = CROP_PX / crop.size_px
    x_scale = -scale if crop.mirrored else scale
    center = crop.center_px
    sigma = (0.5 / scale - 1.0) / 2.0
    if sigma > 0.05:
        margin = crop.size_px / 2.0 + 4.0 * sigma + 1.0
        low = np.maximum(np.floor(center - margin), 0).astype(int)
        high = np.ceil(center + margin).astype(int)
        around = np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]])
        if around.size:
            image = np.asarray(cv2.GaussianBlur(around, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE), np.uint8)
            center = center - low
    middle = CROP_PX / 2.0
    matrix = np.array([[x_scale, 0.0, middle - x_scale * center[0]], [0.0, scale, middle - scale * center[1]]])
    return np.asarray(cv2.warpAffine(image, matrix, (CROP_PX, CROP_PX), flags=cv2.INTER_LINEAR), np.uint8)
