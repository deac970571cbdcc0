"""Pictures of meshes, ray-cast with Open3D on the CPU: no display, no driver.

One primary ray through the centre of each pixel, so that depth is exact there; one shadow ray and one ray into the open
for each pixel, spread over a small pattern and averaged, which gives soft shadows and darker corners.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import FloatArray
from humandata.geometry.transforms import invert
from humandata.studio.look import Look
from humandata.studio.mesh import Mesh, concatenate
from humandata.studio.texture import TILE, Float32Array, lookup, noise_tile, sample_grain

PATTERN = 4
"""Shadow rays differ over blocks of PATTERN x PATTERN pixels, and their results are averaged over such a block."""
OCCLUSION_REACH_M = 0.12
"""How far a surface must be to leave a point fully open to ambient light."""
MAX_BLUR_TAPS = 9


@dataclass(frozen=True)
class Rendering:
    """What a camera sees: image (H, W, 3) uint8 sRGB, and depth (H, W) along z in metres, inf where there is nothing."""

    image: NDArray[np.uint8]
    depth: Float32Array


@dataclass(frozen=True)
class Shutter:
    """The world one exposure later, for motion blur: the same meshes, moved, and where the camera is by then."""

    meshes: Sequence[Mesh]
    T_world_camera: FloatArray


@dataclass(frozen=True)
class _Hits:
    """What the primary rays met. `pixel` (N,) are flat indices of the pixels that met something."""

    pixel: NDArray[np.int64]
    triangle: NDArray[np.int64]
    weights: Float32Array
    points: Float32Array
    normals: Float32Array
    to_camera: Float32Array
    depth: Float32Array


def render(
    meshes: Sequence[Mesh],
    camera: Camera,
    T_world_camera: FloatArray,
    look: Look,
    *,
    shutter: Shutter | None = None,
    noise_seed: int = 0,
    num_threads: int = 1,
) -> Rendering:
    """Render meshes given in the world frame, as the camera at T_world_camera (4, 4) sees them.

    With `shutter`, image and depth show the middle of the exposure, and what moves is smeared symmetrically about it.
    The same arguments give the same picture; `noise_seed` is to differ from frame to frame.
    """
    import open3d as o3d

    whole = concatenate(meshes)
    geometry = o3d.t.geometry.RaycastingScene(nthreads=num_threads)
    geometry.add_triangles(
        o3d.core.Tensor(whole.vertices.astype(np.float32)), o3d.core.Tensor(whole.triangles.astype(np.uint32))
    )
    directions = _ray_directions(camera) @ T_world_camera[:3, :3].T.astype(np.float32)
    hits = _cast(geometry, whole, directions, T_world_camera[:3, 3], num_threads)

    linear = _surroundings(directions, look)
    linear[hits.pixel] = _shade(geometry, meshes, whole, hits, camera, look, num_threads)
    image = linear.reshape(camera.height, camera.width, 3)
    if shutter is not None:
        image = _smear(image, _flow(whole, hits, shutter, camera))
    return Rendering(_develop(image, look, noise_seed), hits.depth.reshape(camera.height, camera.width))


def _cast(
    geometry: Any, whole: Mesh, directions: Float32Array, origin: FloatArray, num_threads: int
) -> _Hits:
    import open3d as o3d

    rays = np.empty((len(directions), 6), dtype=np.float32)
    rays[:, :3] = origin
    rays[:, 3:] = directions
    answer = geometry.cast_rays(o3d.core.Tensor(rays), nthreads=num_threads)
    depth = answer["t_hit"].numpy()
    pixel = np.flatnonzero(np.isfinite(depth))
    triangle = answer["primitive_ids"].numpy()[pixel].astype(np.int64)
    uv = answer["primitive_uvs"].numpy()[pixel]
    weights = np.column_stack([1.0 - uv.sum(axis=1), uv]).astype(np.float32)
    seen = directions[pixel]
    points = origin.astype(np.float32) + seen * depth[pixel, None]
    to_camera = -seen / np.linalg.norm(seen, axis=1, keepdims=True)
    normals = _blend(_vertex_normals(whole), whole, triangle, weights)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    facing_away = np.einsum("ij,ij->i", normals, to_camera) < 0
    normals[facing_away] *= -1.0
    return _Hits(pixel, triangle, weights, points, normals, to_camera, depth)


def _shade(
    geometry: Any, meshes: Sequence[Mesh], whole: Mesh, hits: _Hits, camera: Camera, look: Look, num_threads: int
) -> Float32Array:
    """Linear colour (N, 3) of each point that was met: diffuse key, fill and ambient light, and a highlight."""
    albedo = _blend(whole.colors.astype(np.float32), whole, hits.triangle, hits.weights)
    gloss = np.empty(len(hits.pixel), dtype=np.float32)
    ends = np.cumsum([len(mesh.triangles) for mesh in meshes])
    owner = np.searchsorted(ends, hits.triangle, side="right")
    for index, mesh in enumerate(meshes):
        if mesh.grain is not None:
            own = owner == index
            albedo[own] *= sample_grain(mesh.grain, hits.points[own, :2])[:, None]
    gloss = np.array([mesh.gloss for mesh in meshes], dtype=np.float32)[owner]

    lit = _visibility(geometry, hits, camera, _light_pattern(look), 3.0, num_threads)
    open_sky = _visibility(geometry, hits, camera, _hemisphere_pattern(), OCCLUSION_REACH_M, num_threads)
    key = np.asarray(look.key_direction, dtype=np.float32)
    fill = np.asarray(look.fill_direction, dtype=np.float32)
    half = hits.to_camera + key
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    facing_key = np.maximum(hits.normals @ key, 0.0) * lit
    facing_fill = np.maximum(hits.normals @ fill, 0.0) * open_sky
    ambient = open_sky * (0.75 + 0.25 * hits.normals[:, 2])
    highlight = gloss * lit * np.maximum(np.einsum("ij,ij->i", hits.normals, half), 0.0) ** 32
    light = (
        facing_key[:, None] * np.asarray(look.key_color, np.float32)
        + facing_fill[:, None] * np.asarray(look.fill_color, np.float32)
        + ambient[:, None] * np.asarray(look.ambient_color, np.float32)
    )
    return albedo * light + highlight[:, None] * np.asarray(look.key_color, np.float32)


def _visibility(
    geometry: Any, hits: _Hits, camera: Camera, pattern: Float32Array, reach_m: float, num_threads: int
) -> Float32Array:
    """Share (N,) of the pattern's directions (PATTERN ** 2, 3) in which nothing lies within reach of a point.

    A direction that points into the surface is mirrored out of it.
    """
    import cv2
    import open3d as o3d

    rows, columns = np.divmod(hits.pixel, camera.width)
    directions = pattern[(rows % PATTERN) * PATTERN + columns % PATTERN]
    below = np.einsum("ij,ij->i", directions, hits.normals)
    directions = directions - np.minimum(2.0 * below, 0.0)[:, None] * hits.normals
    rays = np.concatenate([hits.points + hits.normals * np.float32(1e-3), directions], axis=1)
    blocked = geometry.test_occlusions(o3d.core.Tensor(rays), tfar=reach_m, nthreads=num_threads).numpy()
    size = camera.height * camera.width
    visible, weight = np.zeros(size, np.float32), np.zeros(size, np.float32)
    visible[hits.pixel] = ~blocked
    weight[hits.pixel] = 1.0
    shape = (camera.height, camera.width)
    summed = cv2.blur(visible.reshape(shape), (PATTERN, PATTERN)).ravel()[hits.pixel]
    return np.asarray(summed / cv2.blur(weight.reshape(shape), (PATTERN, PATTERN)).ravel()[hits.pixel])


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


def _vertex_normals(mesh: Mesh) -> Float32Array:
    """Normals (V, 3), the mean of the adjoining triangles' weighted by area; not of unit length."""
    corners = mesh.vertices[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat, count = mesh.triangles.ravel(), len(mesh.vertices)
    summed = [np.bincount(flat, np.repeat(faces[:, axis], 3), count) for axis in range(3)]
    normals = np.stack(summed, axis=1)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def _blend(values: Float32Array, mesh: Mesh, triangle: NDArray[np.int64], weights: Float32Array) -> Float32Array:
    """Values (N, 3) inside triangles, from those at the vertices (V, 3)."""
    corners = mesh.triangles[triangle]
    blended = values[corners[:, 0]] * weights[:, :1]
    blended += values[corners[:, 1]] * weights[:, 1:2]
    blended += values[corners[:, 2]] * weights[:, 2:]
    return np.asarray(blended, dtype=np.float32)


@lru_cache(maxsize=4)
def _ray_directions(camera: Camera) -> Float32Array:
    """Directions (H * W, 3) with z = 1 in the camera frame, so that a ray's parameter is the depth."""
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return camera.unproject(pixels, np.ones(len(pixels))).astype(np.float32)


def _surroundings(directions: Float32Array, look: Look) -> Float32Array:
    """Linear colour (N, 3) of a room out of focus, by the direction (N, 3) in the world one looks in."""
    horizontal = np.hypot(directions[:, 0], directions[:, 1])
    elevation = np.arctan2(directions[:, 2], horizontal)
    azimuth = np.arctan2(directions[:, 1], directions[:, 0])
    texels = np.float32(TILE / (2.0 * np.pi))
    cloud = lookup(noise_tile(look.seed, 4.0), azimuth * texels, elevation * texels)
    share = (1.0 / (1.0 + np.exp(-8.0 * (elevation + 0.25))))[:, None]
    wall, floor = np.asarray(look.wall_color, np.float32), np.asarray(look.floor_color, np.float32)
    return np.asarray((share * wall + (1.0 - share) * floor) * np.clip(1.0 + 0.3 * cloud, 0.2, 2.0)[:, None], np.float32)


def _flow(whole: Mesh, hits: _Hits, shutter: Shutter, camera: Camera) -> Float32Array:
    """Displacement (H, W, 2) in pixels during the exposure of what each pixel shows; zero for the surroundings."""
    later = concatenate(shutter.meshes)
    points = _blend(later.vertices.astype(np.float32), whole, hits.triangle, hits.weights)
    T_camera_world = invert(shutter.T_world_camera)
    now_px = camera.project(points @ T_camera_world[:3, :3].T + T_camera_world[:3, 3])
    rows, columns = np.divmod(hits.pixel, camera.width)
    flow = np.zeros((camera.height * camera.width, 2), dtype=np.float32)
    flow[hits.pixel] = np.nan_to_num(now_px - np.stack([columns, rows], axis=1))
    return flow.reshape(camera.height, camera.width, 2)


def _smear(image: Float32Array, flow: Float32Array) -> Float32Array:
    """Average the image along the flow, over half of it each way.

    A pixel beside something fast takes over the fast one's flow, as in McGuire et al., "A Reconstruction Filter for
    Plausible Motion Blur", I3D 2012, so that edges smear outwards too.
    """
    import cv2

    tile = 8
    height, width = flow.shape[:2]
    padded = np.pad(flow, ((0, -height % tile), (0, -width % tile), (0, 0)), mode="edge")
    tiles = padded.reshape(padded.shape[0] // tile, tile, padded.shape[1] // tile, tile, 2).swapaxes(1, 2)
    tiles = tiles.reshape(*tiles.shape[:2], tile * tile, 2)
    fastest = np.take_along_axis(
        tiles, np.argmax(np.sum(tiles**2, axis=-1), axis=-1)[..., None, None], axis=2
    )[:, :, 0]
    speed = np.linalg.norm(fastest, axis=-1)
    if speed.max() < 0.5:
        return image
    border = np.pad(fastest, ((1, 1), (1, 1), (0, 0)))
    around = np.stack(
        [border[r : r + speed.shape[0], c : c + speed.shape[1]] for r in range(3) for c in range(3)], axis=2
    )
    spread = np.take_along_axis(
        around, np.argmax(np.sum(around**2, axis=-1), axis=-1)[..., None, None], axis=2
    )[:, :, 0]
    full = cv2.resize(spread, (padded.shape[1], padded.shape[0]), interpolation=cv2.INTER_LINEAR)[:height, :width]

    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    taps = int(np.clip(np.ceil(speed.max()), 3, MAX_BLUR_TAPS)) | 1
    total = np.zeros_like(image)
    for share in np.linspace(-0.5, 0.5, taps, dtype=np.float32):
        total += cv2.remap(
            image,
            columns + share * full[..., 0],
            rows + share * full[..., 1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return total / taps


def _develop(linear: Float32Array, look: Look, noise_seed: int) -> NDArray[np.uint8]:
    """8-bit sRGB of linear light: lens blur, exposure, transfer curve, noise that grows with the signal."""
    import cv2

    blurred = cv2.GaussianBlur(linear, (3, 3), look.blur_px)
    level = np.clip(blurred * np.float32(look.exposure), 0.0, 1.0)
    encoded = _srgb_table()[(level * 4095.0).astype(np.int32)]
    rng = np.random.default_rng([look.seed, noise_seed])
    noise = rng.standard_normal(linear.shape, dtype=np.float32)
    noise *= np.float32(look.noise_sigma) * np.sqrt(0.3 + 1.4 * encoded / 255.0)
    return np.asarray(np.clip(encoded + noise + 0.5, 0.0, 255.0), dtype=np.uint8)


@lru_cache(maxsize=1)
def _srgb_table() -> Float32Array:
    """The sRGB transfer curve (IEC 61966-2-1) at 4096 levels, times 255."""
    x = np.linspace(0.0, 1.0, 4096)
    return np.asarray(255.0 * np.where(x <= 0.0031308, 12.92 * x, 1.055 * x ** (1 / 2.4) - 0.055), dtype=np.float32)
