"""Motion blur: an image averaged along the path its pixels take while the shutter is open."""

from __future__ import annotations

import numpy as np

from humandata.arrays import BoolArray, Float32Array

FLOW_STRIDE = 2
"""Flow is given for every FLOW_STRIDE-th pixel of every FLOW_STRIDE-th row."""
TILE = 4
"""Side of a tile of flow vectors that share their fastest one."""
MAX_TAPS = 9
SHORTEST_PX = 0.5


def smear(image: Float32Array, flow: Float32Array) -> Float32Array:
    """Average the image (H, W, 3) along the flow (H / 2, W / 2, 2, rounded up) in pixels, over half of it each way.

    A pixel beside something fast takes over the fast one's flow, as in McGuire et al., "A Reconstruction Filter for
    Plausible Motion Blur", I3D 2012, so that edges smear outwards too.
    """
    import cv2

    fastest = _spread(_fastest(_tiles(flow)))
    speed = np.linalg.norm(fastest, axis=-1)
    if speed.max() < SHORTEST_PX:
        return image
    height, width = image.shape[:2]
    rows, columns = _window(speed >= SHORTEST_PX, TILE * FLOW_STRIDE, (height, width))
    tile_px = TILE * FLOW_STRIDE
    full = cv2.resize(fastest, (fastest.shape[1] * tile_px, fastest.shape[0] * tile_px))[rows, columns]
    x, y = np.meshgrid(
        np.arange(columns.start, columns.stop, dtype=np.float32), np.arange(rows.start, rows.stop, dtype=np.float32)
    )
    taps = int(np.clip(np.ceil(speed.max()), 3, MAX_TAPS)) | 1
    total = np.zeros((*x.shape, 3), dtype=np.float32)
    for share in np.linspace(-0.5, 0.5, taps, dtype=np.float32):
        moved_x, moved_y = x + share * full[..., 0], y + share * full[..., 1]
        total += cv2.remap(image, moved_x, moved_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    blurred = image.copy()
    blurred[rows, columns] = total / taps
    return blurred


def _tiles(flow: Float32Array) -> Float32Array:
    """Cut (h, w, 2) into tiles (ceil(h / TILE), ceil(w / TILE), TILE ** 2, 2)."""
    height, width = flow.shape[:2]
    padded = np.pad(flow, ((0, -height % TILE), (0, -width % TILE), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // TILE, padded.shape[1] // TILE
    tiles = padded.reshape(rows, TILE, columns, TILE, 2).swapaxes(1, 2)
    return np.asarray(tiles.reshape(rows, columns, TILE**2, 2))


def _spread(vectors: Float32Array) -> Float32Array:
    """The fastest (r, c, 2) of each vector (r, c, 2) and its eight neighbours."""
    rows, columns = vectors.shape[:2]
    border = np.pad(vectors, ((1, 1), (1, 1), (0, 0)))
    return _fastest(np.stack([border[r : r + rows, c : c + columns] for r in range(3) for c in range(3)], axis=2))


def _fastest(candidates: Float32Array) -> Float32Array:
    """The longest (..., 2) of vectors (..., N, 2)."""
    index = np.argmax(np.sum(candidates**2, axis=-1), axis=-1)
    return np.asarray(np.take_along_axis(candidates, index[..., None, None], axis=-2)[..., 0, :])


def _window(mask: BoolArray, tile_px: int, limit: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of the picture that hold all marked tiles, and one tile more on each side."""
    spans = []
    for axis in (0, 1):
        marked = np.flatnonzero(mask.any(axis=1 - axis))
        first, last = max(int(marked[0]) - 1, 0), int(marked[-1]) + 2
        spans.append(slice(first * tile_px, min(last * tile_px, limit[axis])))
    return spans[0], spans[1]
