"""Triangle meshes, the few shapes the studio is furnished with, and the texture of flat surfaces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import BoolArray, FloatArray, Int32Array
from humandata.geometry.transforms import apply

_SEGMENTS = 24
"""Of a surface around an axis."""


@dataclass(frozen=True)
class Grain:
    """A procedural texture laid over the x-y plane of the world, so only for what does not move.

    `scale_m` is the size of one tile along x and y; a long tile along one axis reads as wood. `contrast` is the
    relative change of brightness. `seed` chooses the tile.
    """

    scale_m: tuple[float, float]
    contrast: float
    seed: int


@dataclass(frozen=True)
class Mesh:
    """A surface: vertices (V, 3) in metres, triangles (F, 3) int32, linear RGB colours (V, 3) in [0, 1].

    A triangle is seen from both sides. Triangles that share a vertex are shaded smoothly across it; a crease has its
    vertices doubled. `gloss` in [0, 1] is the strength of the highlight.
    """

    vertices: FloatArray
    triangles: Int32Array
    colors: FloatArray
    gloss: float = 0.1
    grain: Grain | None = None

    def transformed(self, T_a_b: ArrayLike) -> Mesh:
        """This mesh, given in frame b, in frame a."""
        return replace(self, vertices=apply(T_a_b, self.vertices))


def concatenate(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several; gloss and grain are the first one's."""
    offsets = np.cumsum([0, *(len(mesh.vertices) for mesh in meshes)])
    return replace(
        meshes[0],
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        triangles=np.concatenate(
            [mesh.triangles + offset for mesh, offset in zip(meshes, offsets, strict=False)], dtype=np.int32
        ),
        colors=np.concatenate([mesh.colors for mesh in meshes]),
    )


def box(size: ArrayLike, color: ArrayLike, bevel: float = 0.0, gloss: float = 0.1) -> Mesh:
    """A box centred on the origin: size (3,) and the width of its bevelled edges in metres, colour linear RGB (3,)."""
    half = np.asarray(size, dtype=np.float64) / 2.0
    signs, in_face, triangles = _box_pattern(bevel > 0.0)
    vertices = signs * np.where(in_face, half, half - bevel)
    return Mesh(vertices, triangles, np.tile(np.asarray(color, dtype=np.float64), (len(vertices), 1)), gloss)


def open_box(size: ArrayLike, wall: float, color: ArrayLike) -> Mesh:
    """A box without a lid, standing on z = 0: outer size (3,) and thickness of wall and floor in metres."""
    x, y, z = np.asarray(size, dtype=np.float64)
    parts = [(np.array([x, y, wall]), np.array([0.0, 0.0, wall / 2]))]
    for sign in (-1.0, 1.0):
        parts.append((np.array([wall, y, z]), np.array([sign * (x - wall) / 2, 0.0, z / 2])))
        parts.append((np.array([x - 2 * wall, wall, z]), np.array([0.0, sign * (y - wall) / 2, z / 2])))
    meshes = [box(part_size, color, bevel=wall / 5) for part_size, _ in parts]
    return concatenate(
        [replace(mesh, vertices=mesh.vertices + centre) for mesh, (_, centre) in zip(meshes, parts, strict=True)]
    )


def revolved(profile: ArrayLike, color: ArrayLike, gloss: float = 0.1) -> Mesh:
    """The surface a profile (K, 2) of radius and z in metres sweeps around z; a point given twice makes a crease."""
    radius, z = np.asarray(profile, dtype=np.float64).T
    angle = np.linspace(0.0, 2.0 * np.pi, _SEGMENTS, endpoint=False)
    x, y = radius[:, None] * np.cos(angle), radius[:, None] * np.sin(angle)
    vertices = np.stack([x, y, np.broadcast_to(z[:, None], x.shape)], axis=-1).reshape(-1, 3)
    rings = np.flatnonzero((np.diff(radius) != 0) | (np.diff(z) != 0))
    here = (rings[:, None] * _SEGMENTS + np.arange(_SEGMENTS)).ravel()
    beside = (rings[:, None] * _SEGMENTS + np.roll(np.arange(_SEGMENTS), -1)).ravel()
    lower = np.stack([here, beside, beside + _SEGMENTS], axis=1)
    upper = np.stack([here, beside + _SEGMENTS, here + _SEGMENTS], axis=1)
    colors = np.tile(np.asarray(color, dtype=np.float64), (len(vertices), 1))
    return Mesh(vertices, np.concatenate([lower, upper]).astype(np.int32), colors, gloss)


def cylinder(radius: float, length: float, color: ArrayLike, gloss: float = 0.1) -> Mesh:
    """A closed cylinder around z, from z = 0 to z = `length`, in metres."""
    rim = [[radius, 0.0], [radius, 0.0], [radius, length], [radius, length]]
    return revolved([[0.0, 0.0], *rim, [0.0, length]], color, gloss=gloss)


def capsule(radius: float, length: float, color: ArrayLike, gloss: float = 0.1) -> Mesh:
    """A rod along z with round ends, whose centres are at z = 0 and z = `length`; metres."""
    bend = np.linspace(-np.pi / 2, np.pi / 2, 12)
    z = radius * np.sin(bend) + np.repeat([0.0, length], 6)
    return revolved(np.stack([radius * np.cos(bend), z], axis=1), color, gloss=gloss)


def rotation_onto(direction: ArrayLike) -> FloatArray:
    """A rotation (3, 3) whose z axis points along a direction (3,); how far it turns about it is left open."""
    z = np.asarray(direction, dtype=np.float64) / np.linalg.norm(direction)
    x = np.cross([0.0, 1.0, 0.0] if abs(z[1]) < 0.9 else [1.0, 0.0, 0.0], z)
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)


def slab(size: ArrayLike, top_z: float, color: ArrayLike, grain: Grain | None, gloss: float = 0.1) -> Mesh:
    """A table top centred on the z axis, with its upper face at `top_z`; size (3,) in metres."""
    mesh = box(size, color, gloss=gloss)
    drop = np.array([0.0, 0.0, top_z - float(np.asarray(size)[2]) / 2])
    return replace(mesh, vertices=mesh.vertices + drop, grain=grain)


@lru_cache(maxsize=2)
def _box_pattern(bevelled: bool) -> tuple[FloatArray, BoolArray, Int32Array]:
    """Octant (V, 3) of each vertex of a box as signs, on which axis's face it lies (V, 3), and triangles (F, 3).

    Each of the 8 corners has 3 points, one on each face that meets there: faces join those of one axis, bevelled edges
    those of two, and bevelled corners all three. Each polygon has vertices of its own, so that it is shaded flat.
    """
    polygons: list[list[tuple[dict[int, int], int]]] = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for side in (-1, 1):
            ring = [{axis: side, u: a, v: b} for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
            polygons.append([(corner, axis) for corner in ring])
            for along in (-1, 1) if bevelled else ():
                first, last = ({axis: side, u: along, v: b} for b in (-1, 1))
                polygons.append([(first, axis), (last, axis), (last, u), (first, u)])
    if bevelled:
        octants = [dict(enumerate(signs)) for signs in product((-1, 1), repeat=3)]
        polygons += [[(corner, axis) for axis in range(3)] for corner in octants]
    points = [point for polygon in polygons for point in polygon]
    signs = np.array([[corner[axis] for axis in range(3)] for corner, _ in points], dtype=np.float64)
    in_face = np.array([axis for _, axis in points])[:, None] == np.arange(3)
    starts = np.cumsum([0, *(len(polygon) for polygon in polygons)])
    triangles = [
        (start, start + k, start + k + 1)
        for start, polygon in zip(starts, polygons, strict=False)
        for k in range(1, len(polygon) - 1)
    ]
    return signs, in_face, np.array(triangles, dtype=np.int32)
