"""Points of the background followed from picture to picture: what structure from motion is computed from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from humandata.arrays import BoolArray, Float32Array, IntArray
from humandata.camera_motion.corners import find_corners, follow, on_background
from humandata.camera_motion.view import View
from humandata.geometry.cameras import Camera

_PER_CELL = 10
"""Corners in each cell of the grid, 480 in all."""


@dataclass(frozen=True)
class PointTracks:
    """Where P points are in M pictures."""

    pixels: Float32Array
    """(M, P, 2); NaN where a point is not seen. A point is seen in consecutive pictures."""

    def seen(self, number: int) -> BoolArray:
        """(P,) whether each point is seen in a picture."""
        return np.asarray(np.isfinite(self.pixels[number, :, 0]))

    def undistorted(self, camera: Camera) -> PointTracks:
        """The same points as the camera would see them without its lens's distortion."""
        if camera.distortion is None:
            return self
        rays = camera.unproject(self.pixels, np.ones(self.pixels.shape[:2]))
        return PointTracks(replace(camera, distortion=None).project(rays).astype(np.float32))


def follow_background(view: View) -> PointTracks:
    """Follow corners of the background through all pictures; new ones replace those that are lost."""
    pixels = np.zeros((0, 2), np.float32)
    numbers = np.zeros(0, dtype=np.int64)
    total = 0
    before = None
    found: list[tuple[IntArray, Float32Array]] = []
    for index in range(len(view)):
        grey, background = view.grey(index), view.background(index)
        if before is not None:
            pixels, ok = follow(before, grey, pixels)
            ok &= on_background(pixels, background)
            pixels, numbers = pixels[ok], numbers[ok]
        new = find_corners(grey, background, _PER_CELL, known=pixels)
        pixels = np.concatenate([pixels, new])
        numbers = np.concatenate([numbers, np.arange(total, total + len(new))])
        total += len(new)
        found.append((numbers, pixels))
        before = grey
    table = np.full((len(view), total, 2), np.nan, dtype=np.float32)
    for index, (seen, where) in enumerate(found):
        table[index, seen] = where
    return PointTracks(table[:, (np.isfinite(table[..., 0]).sum(axis=0) >= 3)])
