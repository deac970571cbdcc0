"""Corners of the background, spread over the picture, and where they are in another picture."""

from __future__ import annotations

import numpy as np

from humandata.arrays import BoolArray, Float32Array, Image, IntArray

GRID = (8, 6)
"""Cells across and down, each of which gives its best corners."""

_QUALITY = 0.01
_WINDOW_PX = (15, 15)
_LEVELS = 4
_RETURN_PX = 0.7
"""A corner that is followed to the other picture and back must end this near to where it began."""


def find_corners(grey: Image, background: Image, per_cell: int, known: Float32Array | None = None) -> Float32Array:
    """Corners (C, 2) in pixels of a picture (H, W), at most `per_cell` in each cell of the grid.

    They lie on the background, which is not 0 in the mask (H, W), and apart from those `known` (K, 2), which count.
    """
    import cv2

    height, width = grey.shape
    apart = max(4, width // 80)
    mask = background.copy()
    known = np.zeros((0, 2), np.float32) if known is None else known
    for x, y in np.round(known).astype(int).tolist():
        cv2.circle(mask, (x, y), apart, 0, -1)
    taken = np.bincount(cells_of(known, width, height), minlength=GRID[0] * GRID[1])
    # Sorted by strength. Enough of them that a textured corner of the picture does not use up all.
    found = cv2.goodFeaturesToTrack(grey, 6 * per_cell * GRID[0] * GRID[1], _QUALITY, apart, mask=mask, blockSize=5)
    if found is None:
        return np.zeros((0, 2), np.float32)
    corners = found[:, 0].astype(np.float32)
    cells = cells_of(corners, width, height)
    kept = []
    for index, cell in enumerate(cells.tolist()):
        if taken[cell] < per_cell:
            taken[cell] += 1
            kept.append(index)
    return np.asarray(corners[kept])


def follow(before: Image, after: Image, corners_px: Float32Array) -> tuple[Float32Array, BoolArray]:
    """Where corners (C, 2) of one picture (H, W) are in another: pixels (C, 2), and which (C,) were found.

    Pyramidal Lucas-Kanade (Bouguet, 2000), there and back.
    """
    if len(corners_px) == 0:
        return corners_px, np.zeros(0, dtype=np.bool_)
    points = np.ascontiguousarray(corners_px[:, None])
    there, found = _flow(before, after, points)
    back, returned = _flow(after, before, there)
    near = np.linalg.norm(back - points, axis=-1)[:, 0] <= _RETURN_PX
    height, width = after.shape
    inside = np.all((there[:, 0] >= 0) & (there[:, 0] <= [width - 1, height - 1]), axis=-1)
    return there[:, 0], found & returned & near & inside


def _flow(before: Image, after: Image, points: Float32Array) -> tuple[Float32Array, BoolArray]:
    """Where points (C, 1, 2) went, and which (C,) of them were found."""
    import cv2

    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, after, points, np.empty_like(points), winSize=_WINDOW_PX, maxLevel=_LEVELS
    )
    return np.asarray(there, dtype=np.float32), np.asarray(found[:, 0] == 1)


def on_background(corners_px: Float32Array, background: Image) -> BoolArray:
    """Whether corners (C, 2) lie on the background, which is not 0 in the mask (H, W)."""
    height, width = background.shape
    column, row = np.clip(np.round(corners_px).astype(int), 0, [width - 1, height - 1]).T
    return np.asarray(background[row, column] > 0)


def cells_of(corners_px: Float32Array, width: int, height: int) -> IntArray:
    """The number of the grid's cell that each of the corners (C, 2) lies in."""
    column, row = (corners_px / [width, height] * GRID).astype(np.int64).T
    return np.asarray(np.clip(row, 0, GRID[1] - 1) * GRID[0] + np.clip(column, 0, GRID[0] - 1))
