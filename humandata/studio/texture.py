"""Noise that tiles: the grain of a table, the blur of a room behind it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from humandata.arrays import Float32Array
from humandata.studio.mesh import Grain

TILE = 512


def grain_factor(grain: Grain, xy: Float32Array) -> Float32Array:
    """Brightness factor (H, W) around 1 at points (H, W, 2) in metres on the x-y plane of the world."""
    texels_per_metre = TILE / np.asarray(grain.scale_m, dtype=np.float32)
    texels = np.asarray(xy * texels_per_metre, dtype=np.float32)
    return 1.0 + np.float32(grain.contrast) * lookup(noise_tile(grain.seed, 2.0), texels)


def lookup(tile: Float32Array, texels: Float32Array) -> Float32Array:
    """Bilinear values (H, W) of a tile that repeats, at positions (H, W, 2) in texels: column, row."""
    import cv2

    x, y = np.ascontiguousarray(texels[..., 0]), np.ascontiguousarray(texels[..., 1])
    return np.asarray(cv2.remap(tile, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP), dtype=np.float32)


@lru_cache(maxsize=16)
def noise_tile(seed: int, exponent: float) -> Float32Array:
    """A tile (TILE, TILE) of noise whose amplitude falls as frequency ** (-exponent / 2); unit variance, zero mean."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(spectrum * frequency ** (-exponent / 2.0), s=(TILE, TILE))
    return np.asarray(noise / noise.std(), dtype=np.float32)
