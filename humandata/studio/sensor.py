"""From light to an 8-bit picture: lens blur, exposure, transfer curve, noise."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from humandata.arrays import Float32Array, Image
from humandata.studio.look import Look

LEVELS = 4096
NOISE_MARGIN_PX = 64
SMALL_BLUR_PX = 0.8
"""Up to here a kernel of 3 pixels holds the blur."""


def develop(linear: Float32Array, look: Look, noise_seed: int) -> Image:
    """The sRGB picture (H, W, 3) of linear light (H, W, 3), with noise that grows with the signal."""
    import cv2

    size = 3 if look.blur_px < SMALL_BLUR_PX else 0  # 0 leaves it to OpenCV, which takes more than it needs
    level = cv2.GaussianBlur(linear, (size, size), look.blur_px) * np.float32((LEVELS - 1) * look.exposure)
    index = np.clip(level, 0.0, LEVELS - 1).astype(np.uint16)
    encoded = _srgb_table().take(index)
    height, width = linear.shape[:2]
    row, column = np.random.default_rng([look.seed, noise_seed]).integers(NOISE_MARGIN_PX, size=2)
    noise = _noise_table(look.noise_sigma).take(index)
    noise *= _noise_sheet(height, width)[row : row + height, column : column + width]
    encoded += noise
    return np.asarray(np.clip(encoded, 0.0, 255.0, out=encoded), dtype=np.uint8)


@lru_cache(maxsize=1)
def _srgb_table() -> Float32Array:
    """The sRGB transfer curve (IEC 61966-2-1), times 255, plus the half that makes truncation rounding."""
    x = np.linspace(0.0, 1.0, LEVELS)
    curve = np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055)
    return np.asarray(255.0 * curve + 0.5, dtype=np.float32)


@lru_cache(maxsize=8)
def _noise_table(sigma: float) -> Float32Array:
    """Standard deviation of the noise by level of light, in 8-bit steps: `sigma` at mid-grey."""
    return np.asarray(sigma * np.sqrt(0.3 + 1.4 * _srgb_table() / 255.0), dtype=np.float32)


@lru_cache(maxsize=2)
def _noise_sheet(height: int, width: int) -> Float32Array:
    """Standard normal noise, larger than a picture: each takes a cut-out of its own, cheaper than drawing anew."""
    shape = (height + NOISE_MARGIN_PX, width + NOISE_MARGIN_PX, 3)
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
