"""A table with coloured blocks and two bins, and the task of putting one block into one bin.

World frame: origin on the table top, z up, x forward (away from the demonstrator), y to the left; metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from humandata.arrays import FloatArray
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform
from humandata.schemas.landmarks import SIDES, Side
from humandata.studio.look import Color
from humandata.studio.mesh import Grain, Mesh, box, open_box, slab

BLOCK_COLORS: dict[str, Color] = {
    "red": (0.62, 0.03, 0.03),
    "green": (0.04, 0.36, 0.08),
    "blue": (0.03, 0.09, 0.52),
    "yellow": (0.75, 0.52, 0.03),
}
TABLE_SIZE_M = (0.95, 1.5, 0.04)
TABLE_CENTER_X_M = 0.12
BIN_SIZE_M = (0.17, 0.17, 0.055)
BIN_WALL_M = 0.005


@dataclass(frozen=True)
class Block:
    """A cube with an edge of `size_m`; T_world_block (4, 4) is at its centre, axes along its edges."""

    color: str
    size_m: float
    T_world_block: FloatArray


@dataclass(frozen=True)
class Bin:
    """An open box whose floor is centred at T_world_bin (4, 4), on the table."""

    side: Side
    color: Color
    T_world_bin: FloatArray


@dataclass(frozen=True)
class Scene:
    """What stands on the table before the task, and the table's own looks."""

    blocks: tuple[Block, ...]
    bins: tuple[Bin, ...]
    table_color: Color
    table_grain: Grain

    def block(self, color: str) -> Block:
        """The block of that colour; KeyError when there is none."""
        return {block.color: block for block in self.blocks}[color]

    def bin(self, side: Side) -> Bin:
        """The bin on that side."""
        return {each.side: each for each in self.bins}[side]


@dataclass(frozen=True)
class PlaceTask:
    """Put the block of a colour into the bin on a side, left being +y."""

    color: str
    bin_side: Side

    @property
    def text(self) -> str:
        """The instruction in words."""
        return f"put the {self.color} block in the {self.bin_side} bin"


def sample_scene(rng: np.random.Generator, num_blocks: int = 3) -> Scene:
    """Draw a scene: 1 to 4 blocks of different colours, apart from each other, between the two bins."""
    colors = rng.choice(list(BLOCK_COLORS), size=num_blocks, replace=False)
    centres = _scattered(rng, num_blocks, low=(-0.10, -0.11), high=(0.14, 0.11), apart=0.105)
    blocks = []
    for color, (x, y) in zip(colors, centres, strict=True):
        size = float(rng.uniform(0.04, 0.05))
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-np.pi / 4, np.pi / 4)])
        blocks.append(Block(str(color), size, make_transform(yaw, [x, y, size / 2])))
    bins = []
    for side in SIDES:
        sign = 1.0 if side == "left" else -1.0
        position = [rng.uniform(0.04, 0.16), sign * rng.uniform(0.235, 0.275), 0.0]
        yaw = matrix_from_rotvec([0.0, 0.0, rng.uniform(-0.15, 0.15)])
        grey = rng.uniform(0.1, 0.6)
        tint = tuple(float(grey * factor) for factor in rng.uniform(0.8, 1.2, 3))
        bins.append(Bin(side, (tint[0], tint[1], tint[2]), make_transform(yaw, position)))
    wood = (0.42, 0.25, 0.13), Grain((1.6, 0.18), 0.13, int(rng.integers(2**31)))
    plain = (0.5, 0.5, 0.5), Grain((0.7, 0.7), 0.06, int(rng.integers(2**31)))
    color_, grain = wood if rng.uniform() < 0.6 else plain
    tone = rng.uniform(0.5, 1.4) * rng.uniform(0.9, 1.1, 3)
    table_color = (float(color_[0] * tone[0]), float(color_[1] * tone[1]), float(color_[2] * tone[2]))
    return Scene(tuple(blocks), tuple(bins), table_color, grain)


def sample_task(scene: Scene, rng: np.random.Generator) -> PlaceTask:
    """Draw one of the tasks that the scene allows."""
    return PlaceTask(str(rng.choice([block.color for block in scene.blocks])), SIDES[int(rng.integers(2))])


def scene_meshes(scene: Scene, T_world_block_by_color: Mapping[str, FloatArray] | None = None) -> list[Mesh]:
    """Meshes of table, bins and blocks in the world; blocks named in the mapping stand there instead."""
    moved = T_world_block_by_color or {}
    table = slab(TABLE_SIZE_M, 0.0, scene.table_color, scene.table_grain, gloss=0.0)
    meshes = [table.transformed(make_transform(np.eye(3), [TABLE_CENTER_X_M, 0.0, 0.0]))]
    meshes += [_bin_mesh(each.color).transformed(each.T_world_bin) for each in scene.bins]
    for block in scene.blocks:
        T_world_block = moved.get(block.color, block.T_world_block)
        meshes.append(_block_mesh(block.color, block.size_m).transformed(T_world_block))
    return meshes


@lru_cache(maxsize=16)
def _block_mesh(color: str, size_m: float) -> Mesh:
    return box([size_m] * 3, BLOCK_COLORS[color], bevel=0.0025, gloss=0.12)


@lru_cache(maxsize=8)
def _bin_mesh(color: Color) -> Mesh:
    return open_box(BIN_SIZE_M, BIN_WALL_M, color)


def _scattered(
    rng: np.random.Generator, count: int, low: tuple[float, float], high: tuple[float, float], apart: float
) -> FloatArray:
    """Points (count, 2) in a rectangle, no two nearer than `apart`; all are drawn anew until that holds."""
    while True:
        points = rng.uniform(low, high, size=(count, 2))
        gaps = np.linalg.norm(points[:, None] - points[None], axis=-1) + np.eye(count)
        if gaps.min() >= apart:
            return points
