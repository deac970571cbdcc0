"""What the triangles of a set of meshes look like, tabulated once a frame; and what a pixel's ray met of them.

A flat triangle has one colour and one normal, looked up; only inside curved ones is anything interpolated. Arrays of N
hold one entry a pixel, row by row; a pixel whose ray met nothing has the triangle F, one past the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import BoolArray, Float32Array, Int32Array, IntArray
from humandata.studio.mesh import Mesh, concatenate


@dataclass(frozen=True)
class Surface:
    """Tables by triangle, as seen from one point.

    Albedo and unit normal at its corners (F, 3, 6), whether they differ (F + 1,), those of its first corner with the
    normal towards the viewer (F + 1, 6), the index of its mesh (F + 1,), -1 for none, its corners' indices (F, 3), and
    all vertices (V, 3).
    """

    at_corners: Float32Array
    curved: BoolArray
    flat: Float32Array
    owner: IntArray
    corners: Int32Array
    vertices: Float32Array

    @classmethod
    def of(cls, meshes: Sequence[Mesh], viewer: ArrayLike) -> Surface:
        """Tabulate meshes given in the world, for a viewer at a point (3,)."""
        whole = concatenate(meshes)
        at_vertices = np.concatenate([whole.colors.astype(np.float32), _vertex_normals(whole)], axis=1)
        at_corners = at_vertices[whole.triangles]
        counts = [len(mesh.triangles) for mesh in meshes]
        flat = np.concatenate([at_corners[:, 0], np.zeros((1, 6), np.float32)])
        sight = whole.vertices[whole.triangles[:, 0]] - np.asarray(viewer)
        flat[:-1, 3:][np.einsum("ij,ij->i", flat[:-1, 3:], sight) > 0] *= -1.0
        return cls(
            at_corners=at_corners,
            curved=np.append((at_corners != at_corners[:, :1]).any(axis=(1, 2)), False),
            flat=flat,
            owner=np.append(np.repeat(np.arange(len(meshes)), counts), -1),
            corners=whole.triangles,
            vertices=whole.vertices.astype(np.float32),
        )

    def interpolated(self, hits: Hits, pixel: IntArray) -> Float32Array:
        """Albedo and unit normal (n, 6) inside the triangles of some pixels (n,), the normal towards the camera."""
        values = np.einsum("nc,ncd->nd", hits.weights(pixel), self.at_corners.take(hits.triangle[pixel], axis=0))
        normals = values[:, 3:]
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        normals[np.einsum("ij,ij->i", normals, hits.rays.take(pixel, axis=0)[:, 3:]) > 0] *= -1.0
        return np.asarray(values)


@dataclass(frozen=True)
class Hits:
    """What the rays (N, 6), origin and direction with unit depth, met: triangle (N,), barycentric uv (N, 2), and depth
    (N,) in metres along the camera's z, inf for nothing."""

    rays: Float32Array
    triangle: IntArray
    uv: Float32Array
    depth: Float32Array

    @property
    def origin(self) -> Float32Array:
        """Where the rays start (3,), in the world."""
        return np.asarray(self.rays[0, :3])

    def weights(self, pixel: IntArray) -> Float32Array:
        """Barycentric weights (n, 3) of some pixels (n,)."""
        uv = self.uv.take(pixel, axis=0)
        return np.stack([1.0 - uv[:, 0] - uv[:, 1], uv[:, 0], uv[:, 1]], axis=1)

    def points(self, pixel: IntArray) -> Float32Array:
        """Points (n, 3) in the world that some pixels (n,) show."""
        return np.asarray(self.origin + self.rays.take(pixel, axis=0)[:, 3:] * self.depth.take(pixel)[:, None])


def _vertex_normals(mesh: Mesh) -> Float32Array:
    """Unit normals (V, 3): the mean of the adjoining triangles' weighted by area."""
    corners = mesh.vertices[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat, count = mesh.triangles.ravel(), len(mesh.vertices)
    summed = [np.bincount(flat, np.repeat(faces[:, axis], 3), count) for axis in range(3)]
    normals = np.stack(summed, axis=1)
    return np.asarray(normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12), dtype=np.float32)
