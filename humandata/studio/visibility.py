"""How much light reaches a point: soft shadows, and corners darkened by what stands close.

Rays start at every second pixel of every second row, each in one of PATTERN ** 2 directions in turn; the mean over a
block of PATTERN x PATTERN such pixels holds every direction once, so it shows no noise. The mean is taken within one
mesh only, or light would leak over the outline of things.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from humandata.arrays import BoolArray, Float32Array, FloatArray, IntArray
from humandata.geometry.cameras import Camera
from humandata.studio.look import Look
from humandata.studio.surface import Hits, Surface

PATTERN = 4
STRIDE = 2
LIGHT_REACH_M = 3.0
OCCLUSION_REACH_M = 0.12
"""How far a surface must be to leave a point fully open to ambient light."""


def shadow_and_openness(
    geometry: Any, surface: Surface, hits: Hits, owner: IntArray, camera: Camera, look: Look, num_threads: int
) -> tuple[Float32Array, Float32Array]:
    """Shares (N,) in [0, 1] of the key light that arrives, and of the directions in which nothing is near.

    `owner` (N,) is the index of the mesh a pixel shows, -1 for none.
    """
    full = owner.reshape(camera.height, camera.width)
    coarse = full[::STRIDE, ::STRIDE]
    rows, columns = np.nonzero(coarse >= 0)
    pixel = rows * STRIDE * camera.width + columns * STRIDE
    normals = _normals(surface, hits, pixel)
    start = hits.points(pixel) + np.float32(1e-3) * normals
    turn = (rows % PATTERN) * PATTERN + columns % PATTERN
    shares = []
    for pattern, reach_m in ((_light_pattern(look), LIGHT_REACH_M), (_hemisphere_pattern(), OCCLUSION_REACH_M)):
        clear = np.zeros(coarse.shape, dtype=np.float32)
        clear[rows, columns] = _unblocked(geometry, start, normals, pattern.take(turn, axis=0), reach_m, num_threads)
        shares.append(_averaged(clear, coarse, full).ravel())
    return shares[0], shares[1]


def _normals(surface: Surface, hits: Hits, pixel: IntArray) -> Float32Array:
    triangle = hits.triangle.take(pixel)
    normals = surface.flat[:, 3:].take(triangle, axis=0)
    curved = np.flatnonzero(surface.curved.take(triangle))
    normals[curved] = surface.interpolated(hits, pixel[curved])[:, 3:]
    return np.asarray(normals)


def _unblocked(
    geometry: Any,
    start: Float32Array,
    normals: Float32Array,
    directions: Float32Array,
    reach_m: float,
    num_threads: int,
) -> BoolArray:
    """Whether nothing lies within reach (n,). A direction that points into the surface is mirrored out of it."""
    import open3d as o3d

    below = np.minimum(np.einsum("ij,ij->i", directions, normals), 0.0)
    rays = np.concatenate([start, directions - 2.0 * below[:, None] * normals], axis=1)
    blocked = geometry.test_occlusions(o3d.core.Tensor.from_numpy(rays), tfar=reach_m, nthreads=num_threads)
    return np.asarray(~blocked.numpy())


def _averaged(values: Float32Array, owner: IntArray, full_owner: IntArray) -> Float32Array:
    """Means (H, W), per mesh, of values (h, w) over PATTERN x PATTERN blocks; 0 where there is no mesh.

    A sliver of a mesh with no ray of its own nearby takes the mean over all meshes.
    """
    import cv2

    block = (PATTERN, PATTERN)
    weight = np.maximum(cv2.blur((owner >= 0).astype(np.float32), block), 1e-6)
    overall = np.asarray(cv2.blur(values, block) / weight, dtype=np.float32)
    result = _enlarged(overall, full_owner)
    for mesh in np.flatnonzero(np.bincount(owner[owner >= 0])):
        window = _window(owner == mesh)
        mask = (owner[window] == mesh).astype(np.float32)
        weight = cv2.blur(mask, block, borderType=cv2.BORDER_CONSTANT)
        total = cv2.blur(values[window] * mask, block, borderType=cv2.BORDER_CONSTANT)
        mean = np.where(weight > 1e-6, total / np.maximum(weight, 1e-6), overall[window])
        full_window = tuple(slice(side.start * STRIDE, side.stop * STRIDE) for side in window)
        inside = full_owner[full_window]
        here = result[full_window]
        np.copyto(here, _enlarged(np.asarray(mean, np.float32), inside), where=inside == mesh)
    return result


def _enlarged(values: Float32Array, like: IntArray) -> Float32Array:
    """Each value (h, w) repeated over STRIDE x STRIDE pixels, cut to the shape of `like`."""
    return np.repeat(np.repeat(values, STRIDE, axis=0), STRIDE, axis=1)[: like.shape[0], : like.shape[1]]


def _window(mask: BoolArray) -> tuple[slice, slice]:
    """Rows and columns that hold all of a mask, and PATTERN more on each side."""
    sides = []
    for axis in (1, 0):
        index = np.flatnonzero(mask.any(axis=axis))
        sides.append(slice(max(int(index[0]) - PATTERN, 0), min(int(index[-1]) + 1 + PATTERN, mask.shape[1 - axis])))
    return sides[0], sides[1]


def _light_pattern(look: Look) -> Float32Array:
    """Directions (PATTERN ** 2, 3) evenly over the disc of the key light."""
    key = np.asarray(look.key_direction)
    u = np.cross(key, [0.0, 0.0, 1.0] if abs(key[2]) < 0.9 else [1.0, 0.0, 0.0])
    u /= np.linalg.norm(u)
    disc = np.tan(look.key_spread_rad) * _scattered_disc()
    directions = key + disc[:, :1] * u + disc[:, 1:] * np.cross(key, u)
    return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True), dtype=np.float32)


def _hemisphere_pattern() -> Float32Array:
    """Directions (PATTERN ** 2, 3) over the upper half space, denser towards the zenith."""
    disc = 0.97 * _scattered_disc()
    height = np.sqrt(1.0 - np.sum(disc**2, axis=1, keepdims=True))
    return np.concatenate([disc, height], axis=1).astype(np.float32)


def _scattered_disc() -> FloatArray:
    """Points (PATTERN ** 2, 2) evenly over the unit disc, by the golden angle, neighbours in the pattern far apart."""
    count = PATTERN**2
    index = (np.arange(count) * 5) % count
    radius, angle = np.sqrt((index + 0.5) / count), index * np.pi * (3.0 - np.sqrt(5.0))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
