"""Noise that tiles: the grain of a table, the blur of a room behind it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from humandata.studio.mesh import Grain

Float32Array = NDArray[np.float32]
TILE = 512


def sample_grain(grain: Grain, xy: Float32Array) -> Float32Array:
    """Brightness factor (N,) around 1 at points (N, 2) in metres on the x-y plane of the world."""
    tile = noise_tile(grain.seed, 2.0)
    columns = xy[:, 0] * np.float32(TILE / grain.scale_m[0])
    rows = xy[:, 1] * np.float32(TILE / grain.scale_m[1])
    return 1.0 + np.float32(grain.contrast) * lookup(tile, columns, rows)


def lookup(tile: Float32Array, columns: Float32Array, rows: Float32Array) -> Float32Array:
    """Bilinear values (N,) of a tile that repeats, at positions in texels."""
    c0, r0 = np.floor(columns), np.floor(rows)
    fc, fr = columns - c0, rows - r0
    c = c0.astype(np.int32) % TILE
    r = r0.astype(np.int32) % TILE
    flat = tile.ravel()
    c1, r1 = (c + 1) % TILE, (r + 1) % TILE
    r, r1 = r * TILE, r1 * TILE
    above = flat[r + c] * (1 - fc) + flat[r + c1] * fc
    below = flat[r1 + c] * (1 - fc) + flat[r1 + c1] * fc
    return np.asarray(above * (1 - fr) + below * fr, dtype=np.float32)


@lru_cache(maxsize=16)
def noise_tile(seed: int, exponent: float) -> Float32Array:
    """A tile (TILE, TILE) of noise whose amplitude falls as frequency ** (-exponent / 2); unit variance, zero mean."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE)))
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :])
    frequency[0, 0] = np.inf
    noise = np.fft.irfft2(spectrum * frequency ** (-exponent / 2.0), s=(TILE, TILE))
    return np.asarray(noise / noise.std(), dtype=np.float32)
