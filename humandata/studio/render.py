"""Pictures of meshes, ray-cast with Open3D on the CPU: no display, no driver.

One ray goes through the centre of each pixel, so depth and outline are exact there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from humandata.arrays import Float32Array, FloatArray, Image, IntArray
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import invert
from humandata.studio.look import Look
from humandata.studio.mesh import Mesh, concatenate
from humandata.studio.motion_blur import FLOW_STRIDE, smear
from humandata.studio.sensor import develop
from humandata.studio.shading import shade
from humandata.studio.surface import Hits, Surface


@dataclass(frozen=True)
class Rendering:
    """What a camera sees.

    image (H, W, 3) uint8 sRGB, depth (H, W) along z in metres, inf where there is nothing, and which of the meshes is
    seen, owner (H, W), -1 for none.
    """

    image: Image
    depth: Float32Array
    owner: IntArray


@dataclass(frozen=True)
class Shutter:
    """The world one exposure later, for motion blur: the same meshes, moved, and where the camera is by then."""

    meshes: Sequence[Mesh]
    T_world_camera: FloatArray


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

    surface = Surface.of(meshes, T_world_camera[:3, 3])
    geometry = o3d.t.geometry.RaycastingScene(nthreads=num_threads)
    tensor = o3d.core.Tensor.from_numpy
    geometry.add_triangles(tensor(surface.vertices), tensor(surface.corners.astype(np.uint32)))
    hits = _cast(geometry, surface, _rays(camera, T_world_camera), num_threads)
    color = shade(geometry, meshes, surface, hits, camera, look, num_threads)
    image = np.ascontiguousarray(color.T).reshape(camera.height, camera.width, 3)
    if shutter is not None:
        image = smear(image, _flow(surface, hits, shutter, camera))
    shape = camera.height, camera.width
    return Rendering(
        develop(image, look, noise_seed), hits.depth.reshape(shape), surface.owner.take(hits.triangle).reshape(shape)
    )


def _rays(camera: Camera, T_world_camera: FloatArray) -> Float32Array:
    """Rays (H * W, 6) in the world: origin, and a direction of unit depth, so that a ray's parameter is the depth."""
    to_ray = np.zeros((3, 6), dtype=np.float32)
    to_ray[2, :3] = T_world_camera[:3, 3]
    to_ray[:, 3:] = T_world_camera[:3, :3].T
    return np.asarray(_directions(camera) @ to_ray)


@lru_cache(maxsize=4)
def _directions(camera: Camera) -> Float32Array:
    """Directions (H * W, 3) in the camera frame, with z = 1."""
    columns, rows = np.meshgrid(np.arange(camera.width), np.arange(camera.height))
    pixels = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return camera.unproject(pixels, np.ones(len(pixels))).astype(np.float32)


def _cast(geometry: Any, surface: Surface, rays: Float32Array, num_threads: int) -> Hits:
    import open3d as o3d

    answer = geometry.cast_rays(o3d.core.Tensor.from_numpy(rays), nthreads=num_threads)
    triangle = np.minimum(answer["primitive_ids"].numpy(), len(surface.corners)).astype(np.int64)
    return Hits(rays, triangle, answer["primitive_uvs"].numpy(), answer["t_hit"].numpy())


def _flow(surface: Surface, hits: Hits, shutter: Shutter, camera: Camera) -> Float32Array:
    """Displacement (h, w, 2) in pixels during the exposure of what every FLOW_STRIDE-th pixel shows; 0 for nothing."""
    index = np.arange(camera.height * camera.width).reshape(camera.height, camera.width)
    sampled = index[::FLOW_STRIDE, ::FLOW_STRIDE]
    met = np.isfinite(hits.depth[sampled])
    pixel = sampled[met]
    later = concatenate(shutter.meshes).vertices.astype(np.float32)
    corners = later.take(surface.corners.take(hits.triangle[pixel], axis=0), axis=0)
    points = np.einsum("nc,ncd->nd", hits.weights(pixel), corners)
    T_camera_world = invert(shutter.T_world_camera)
    later_px = camera.project(points @ T_camera_world[:3, :3].T + T_camera_world[:3, 3])
    rows, columns = np.divmod(pixel, camera.width)
    flow = np.zeros((*sampled.shape, 2), dtype=np.float32)
    flow[met] = np.nan_to_num(later_px - np.stack([columns, rows], axis=1))
    return flow
