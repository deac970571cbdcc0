"""The camera, a pinhole with or without a lens that distorts: OpenCV axes (x right, y down, z forward).

Pixel (0, 0) is the centre of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import FloatArray
from humandata.geometry.distortion import Distortion


@dataclass(frozen=True)
class Camera:
    """Intrinsics in pixels of an image of width x height; without a distortion, an ideal pinhole."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int
    distortion: Distortion | None = None

    @classmethod
    def from_horizontal_fov(cls, fov_rad: float, width: int, height: int) -> Camera:
        """Square pixels and a centred principal point, for a horizontal field of view in radians."""
        focal = width / (2.0 * np.tan(fov_rad / 2.0))
        return cls(fx=focal, fy=focal, cx=(width - 1) / 2.0, cy=(height - 1) / 2.0, width=width, height=height)

    @property
    def K(self) -> FloatArray:
        """The intrinsic matrix (3, 3): all that a pinhole has; a lens's distortion is beside it."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def scaled(self, width: int, height: int) -> Camera:
        """This camera once its image is resized to width x height: pixel centres, not corners, carry coordinates."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self,
            fx=self.fx * sx,
            fy=self.fy * sy,
            cx=(self.cx + 0.5) * sx - 0.5,
            cy=(self.cy + 0.5) * sy - 0.5,
            width=width,
            height=height,
        )

    def project(self, points_camera: ArrayLike) -> FloatArray:
        """Pixels (..., 2) of points (..., 3) in metres in the camera frame; NaN behind it and past its lens's field."""
        points = np.asarray(points_camera, dtype=np.float64)
        z = np.where(points[..., 2:] > 0, points[..., 2:], np.nan)
        xy = points[..., :2] / z
        if self.distortion is not None:
            xy = self.distortion.distort(xy)
        return xy * [self.fx, self.fy] + [self.cx, self.cy]

    def unproject(self, points_px: ArrayLike, depth: ArrayLike) -> FloatArray:
        """Points (..., 3) in the camera frame of pixels (..., 2) at z-depth (...) in metres; inverts `project`.

        NaN for a pixel that the lens gives no ray, such as the corners outside a fisheye's circle.
        """
        z = np.asarray(depth, dtype=np.float64)[..., None]
        xy = (np.asarray(points_px, dtype=np.float64) - [self.cx, self.cy]) / [self.fx, self.fy]
        if self.distortion is not None:
            xy = self.distortion.undistort(xy)
        xy = xy * z
        return np.concatenate([xy, np.broadcast_to(z, (*xy.shape[:-1], 1))], axis=-1)
