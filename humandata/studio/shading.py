"""From what a ray met to the light it brings back. Colours are linear RGB, planar (3, N): one row a channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from humandata.arrays import Float32Array, IntArray
from humandata.geometry.cameras import Camera
from humandata.studio.look import Look
from humandata.studio.mesh import Mesh
from humandata.studio.surface import Hits, Surface
from humandata.studio.texture import TILE, grain_factor, lookup, noise_tile
from humandata.studio.visibility import shadow_and_openness


def shade(
    geometry: Any, meshes: Sequence[Mesh], surface: Surface, hits: Hits, camera: Camera, look: Look, num_threads: int
) -> Float32Array:
    """Colour (3, N) of every pixel: diffuse key, fill and ambient light, a highlight, and the surroundings."""
    owner = surface.owner.take(hits.triangle)
    lit, clear = shadow_and_openness(geometry, surface, hits, owner, camera, look, num_threads)

    terms = _diffuse(surface.flat, look).take(hits.triangle, axis=1)
    curved = np.flatnonzero(surface.curved.take(hits.triangle))
    inside = surface.interpolated(hits, curved)
    terms[:, curved] = _diffuse(inside, look)
    color = terms[:3] * lit
    color += terms[3:] * clear
    for index, mesh in enumerate(meshes):
        if mesh.grain is not None:
            points = hits.origin[:2] + hits.rays[:, 3:5] * np.where(owner == index, hits.depth, 0.0)[:, None]
            factor = grain_factor(mesh.grain, points.reshape(camera.height, camera.width, 2)).ravel()
            color *= np.where(owner == index, factor, np.float32(1.0))

    gloss = np.array([*(mesh.gloss for mesh in meshes), 0.0], dtype=np.float32)[owner]
    glossy = np.flatnonzero(gloss)
    normals = surface.flat[:, 3:].take(hits.triangle[glossy], axis=0)
    both = gloss[curved] > 0
    normals[np.searchsorted(glossy, curved[both])] = inside[both, 3:]
    shine = gloss[glossy] * lit[glossy] * _highlight(hits, glossy, normals, look)
    color[:, glossy] += np.asarray(look.key_color, np.float32)[:, None] * shine

    missed = np.flatnonzero(owner < 0)
    color[:, missed] = _surroundings(hits, camera, look).take(missed, axis=0).T
    return np.asarray(color)


def _diffuse(albedo_normal: Float32Array, look: Look) -> Float32Array:
    """Light (6, n) sent back by surfaces (n, 6): three channels of the key light, three of all other light."""
    albedo, normal = albedo_normal[:, :3], albedo_normal[:, 3:]
    key, fill = (np.asarray(direction, np.float32) for direction in (look.key_direction, look.fill_direction))
    from_key = np.maximum(normal @ key, 0.0)[:, None] * np.asarray(look.key_color, np.float32)
    from_fill = np.maximum(normal @ fill, 0.0)[:, None] * np.asarray(look.fill_color, np.float32)
    from_all = (0.75 + 0.25 * normal[:, 2:]) * np.asarray(look.ambient_color, np.float32)
    return np.concatenate([albedo * from_key, albedo * (from_fill + from_all)], axis=1).T


def _highlight(hits: Hits, pixel: IntArray, normals: Float32Array, look: Look) -> Float32Array:
    """Blinn's highlight (n,) with an exponent of 32 for some pixels (n,) with unit normals (n, 3)."""
    half = -hits.rays.take(pixel, axis=0)[:, 3:]
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    half += np.asarray(look.key_direction, dtype=np.float32)
    along = np.maximum(np.einsum("ij,ij->i", normals, half), 0.0)
    sharpness = along * along / np.einsum("ij,ij->i", half, half)
    for _ in range(4):
        sharpness *= sharpness
    return np.asarray(sharpness)


def _surroundings(hits: Hits, camera: Camera, look: Look) -> Float32Array:
    """Colour (N, 3) of a room out of focus, in the direction of each pixel's ray; smooth, so worked out coarsely."""
    import cv2

    directions = hits.rays[:, 3:].reshape(camera.height, camera.width, 3)[::8, ::8]
    elevation = np.arctan2(directions[..., 2], np.hypot(directions[..., 0], directions[..., 1]))
    azimuth = np.arctan2(directions[..., 1], directions[..., 0])
    texels = np.float32(TILE / (2.0 * np.pi))
    cloud = lookup(noise_tile(look.seed, 4.0), np.stack([azimuth, elevation], axis=-1) * texels)
    share = (1.0 / (1.0 + np.exp(-8.0 * (elevation + 0.25))))[..., None]
    wall, floor = np.asarray(look.wall_color, np.float32), np.asarray(look.floor_color, np.float32)
    coarse = (share * wall + (1.0 - share) * floor) * np.clip(1.0 + 0.3 * cloud, 0.2, 2.0)[..., None]
    full = cv2.resize(coarse.astype(np.float32), (camera.width, camera.height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(full.reshape(-1, 3))
