"""Naive surface nets: a triangle mesh of the zero level of a sampled signed distance (Gibson, MERL TR99-24, 1999)."""

from __future__ import annotations

import itertools

import numpy as np

from humandata.arrays import BoolArray, FloatArray, Int32Array, IntArray


def surface_nets(
    distance: FloatArray, axes: tuple[FloatArray, FloatArray, FloatArray]
) -> tuple[FloatArray, Int32Array]:
    """Vertices (V, 3) and triangles (F, 3), wound outwards, of the surface where `distance` (X, Y, Z) is zero.

    `distance` is negative inside and positive on the whole border of the grid; `axes` holds the coordinates of the
    samples along each axis, which need not be evenly spaced.
    """
    inside = distance < 0
    shape = np.array(distance.shape) - 1
    offsets = np.array(list(itertools.product((0, 1), repeat=3)))
    corners_inside = np.stack([inside[_window(offset, shape)] for offset in offsets])
    active = corners_inside.any(axis=0) & ~corners_inside.all(axis=0)
    cells = np.argwhere(active)
    vertex_of_cell = np.full(active.shape, -1, dtype=np.int32)
    vertex_of_cell[active] = np.arange(len(cells), dtype=np.int32)

    total, count = np.zeros((len(cells), 3)), np.zeros((len(cells), 1))
    for start, end in itertools.combinations(offsets, 2):
        if np.abs(end - start).sum() != 1:
            continue
        a, b = cells + start, cells + end
        d_a, d_b = distance[tuple(a.T)], distance[tuple(b.T)]
        crosses = (d_a < 0) != (d_b < 0)
        fraction = np.where(crosses, d_a / np.where(crosses, d_a - d_b, 1.0), 0.0)[:, None]
        p_a, p_b = _positions(a, axes), _positions(b, axes)
        total += np.where(crosses[:, None], p_a + fraction * (p_b - p_a), 0.0)
        count += crosses[:, None]

    quads = [_faces_along(axis, inside, vertex_of_cell) for axis in range(3)]
    quad = np.concatenate(quads)
    triangles = np.concatenate([quad[:, [0, 1, 2]], quad[:, [0, 2, 3]]])
    return total / count, triangles.astype(np.int32)


def _window(offset: IntArray, shape: IntArray) -> tuple[slice, ...]:
    return tuple(slice(start, start + size) for start, size in zip(offset, shape, strict=True))


def _positions(index: IntArray, axes: tuple[FloatArray, FloatArray, FloatArray]) -> FloatArray:
    return np.stack([axis[index[:, k]] for k, axis in enumerate(axes)], axis=1)


def _faces_along(axis: int, inside: BoolArray, vertex_of_cell: Int32Array) -> Int32Array:
    """One quad (Q, 4) for each grid edge along `axis` that the surface crosses: the four cells around that edge."""
    moved = np.moveaxis(inside, axis, 0)
    edges = np.argwhere(moved[:-1] != moved[1:])
    leaving = moved[tuple(edges.T)]
    along, u, v = edges.T
    cells = np.moveaxis(vertex_of_cell, axis, 0)
    if axis == 1:
        # moveaxis keeps the order of the other two axes, (x, z), which is left-handed about y.
        leaving = ~leaving
    quad = np.stack([cells[along, u - 1, v - 1], cells[along, u, v - 1], cells[along, u, v], cells[along, u - 1, v]], 1)
    quad[~leaving] = quad[~leaving][:, ::-1]
    return quad
