"""Motion blur: an image averaged along the path its pixels take while the shutter is open."""

from __future__ import annotations

import numpy as np

from humandata.studio.texture import Float32Array

TILE_PX = 8
MAX_TAPS = 9


def smear(image: Float32Array, flow: Float32Array) -> Float32Array:
    """Average the image (H, W, 3) along the flow (H, W, 2) in pixels, over half of it each way.

    A pixel beside something fast takes over the fast one's flow, as in McGuire et al., "A Reconstruction Filter for
    Plausible Motion Blur", I3D 2012, so that edges smear outwards too.
    """
    import cv2

    height, width = flow.shape[:2]
    fastest = _fastest(_tiles(flow))
    longest = float(np.linalg.norm(fastest, axis=-1).max())
    if longest < 0.5:
        return image
    rows, columns = fastest.shape[:2]
    border = np.pad(fastest, ((1, 1), (1, 1), (0, 0)))
    around = np.stack([border[r : r + rows, c : c + columns] for r in range(3) for c in range(3)], axis=2)
    spread = cv2.resize(_fastest(around), (columns * TILE_PX, rows * TILE_PX), interpolation=cv2.INTER_LINEAR)

    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    taps = int(np.clip(np.ceil(longest), 3, MAX_TAPS)) | 1
    total = np.zeros_like(image)
    for share in np.linspace(-0.5, 0.5, taps, dtype=np.float32):
        along = share * spread[:height, :width]
        total += cv2.remap(
            image, x + along[..., 0], y + along[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
    return np.asarray(total / taps, dtype=np.float32)


def _tiles(flow: Float32Array) -> Float32Array:
    """Cut (H, W, 2) into tiles (ceil(H / TILE_PX), ceil(W / TILE_PX), TILE_PX ** 2, 2)."""
    height, width = flow.shape[:2]
    padded = np.pad(flow, ((0, -height % TILE_PX), (0, -width % TILE_PX), (0, 0)), mode="edge")
    rows, columns = padded.shape[0] // TILE_PX, padded.shape[1] // TILE_PX
    tiles = padded.reshape(rows, TILE_PX, columns, TILE_PX, 2).swapaxes(1, 2)
    return np.asarray(tiles.reshape(rows, columns, TILE_PX**2, 2))


def _fastest(candidates: Float32Array) -> Float32Array:
    """The longest (..., 2) of vectors (..., N, 2)."""
    index = np.argmax(np.sum(candidates**2, axis=-1), axis=-1)
    return np.asarray(np.take_along_axis(candidates, index[..., None, None], axis=-2)[..., 0, :])
