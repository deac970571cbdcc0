"""Pictures of a textured room with exact depth, by warping one large texture: quick, and with true parallax."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from humandata.arrays import Float32Array, FloatArray, Image
from humandata.camera_motion.view import View
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import apply, invert, make_transform

CAMERA = Camera.from_horizontal_fov(np.radians(65.0), 320, 240)
WALLS = (0.6, 0.8, 1.1, 1.5)
"""Depths in metres of four upright boards that together fill the picture, like the folds of a screen."""


@dataclass(frozen=True)
class Room:
    """M pictures, each with its depth (H, W) in metres, and the camera's true path (M, 4, 4)."""

    view: View
    depths: list[Float32Array]
    T_world_camera: FloatArray


def swaying(num_pictures: int, shift_m: float = 0.12, turn_rad: float = 0.1) -> FloatArray:
    """A head's path (M, 4, 4) from the identity: an arc to the side, down and forward, that turns as it goes."""
    t = np.linspace(0.0, 1.0, num_pictures)[:, None]
    bow = np.sin(np.pi * t)
    position = shift_m * np.concatenate([t, 0.5 * bow, 0.3 * t], axis=1)
    return make_transform(matrix_from_rotvec(turn_rad * np.concatenate([0.4 * bow, -t, 0.3 * t], axis=1)), position)


def render_room(T_world_camera: FloatArray, rate_hz: float = 10.0, hands: list[list[FloatArray]] | None = None) -> Room:
    """The room as a camera on that path sees it; hands (M lists of (21, 2) pixels) are grey blobs over it."""
    rng = np.random.default_rng(3)
    texture = np.asarray(cv2.GaussianBlur(rng.uniform(0.0, 255.0, (900, 900)), (0, 0), 3.0))
    texture = ((texture - texture.min()) * (215.0 / np.ptp(texture)) + 20).astype(np.uint8)
    found = hands or [[] for _ in T_world_camera]
    pictures, depths = [], []
    for number, T in enumerate(T_world_camera):
        image, depth = _boards(T, texture)
        for landmarks in found[number]:
            cv2.fillConvexPoly(image, cv2.convexHull(np.round(landmarks).astype(np.int32)), 128)
        noisy = np.clip(image + rng.normal(0.0, 1.0, image.shape), 0, 255).astype(np.uint8)
        pictures.append(np.repeat(noisy[..., None], 3, axis=2))
        depths.append(depth)
    timestamp_ns = (np.arange(len(T_world_camera)) * round(1e9 / rate_hz)).astype(np.int64)
    return Room(View(timestamp_ns, pictures.__getitem__, found, CAMERA), depths, T_world_camera)


def _boards(T_world_camera: FloatArray, texture: Image) -> tuple[Image, Float32Array]:
    """Picture and depth: in each column of the first camera's rays, the board that stands there."""
    columns, rows = np.meshgrid(np.arange(CAMERA.width), np.arange(CAMERA.height))
    rays = CAMERA.unproject(np.stack([columns, rows], axis=-1), np.ones(columns.shape)) @ T_world_camera[:3, :3].T
    origin = T_world_camera[:3, 3]
    image = np.zeros(columns.shape, np.uint8)
    depth = np.full(columns.shape, np.inf, np.float32)
    edges = np.linspace(-0.8, 0.8, len(WALLS) + 1)
    for index, wall in enumerate(WALLS):
        reach = (wall - origin[2]) / rays[..., 2]
        points = origin + rays * reach[..., None]
        low = -np.inf if index == 0 else edges[index] * wall
        high = np.inf if index == len(WALLS) - 1 else edges[index + 1] * wall
        hit = (reach > 0) & (points[..., 0] >= low) & (points[..., 0] < high) & (reach < depth)
        at = [(points[..., axis] / wall * 400 + 450 + 37 * index).astype(np.float32) for axis in (0, 1)]
        seen = cv2.remap(texture, at[0], at[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        image = np.where(hit, seen, image)
        depth = np.where(hit, reach, depth).astype(np.float32)
    return image, np.where(np.isfinite(depth), depth, np.nan).astype(np.float32)


def hand_at(T_world_camera: FloatArray, place: FloatArray) -> FloatArray:
    """Landmarks (M, 21, 3) in the camera frame of a flat hand about `place` (3,) or (M, 3) in the world."""
    spread = np.zeros((21, 3))
    spread[1:, 0] = np.tile(np.linspace(-0.04, 0.04, 5), 4)
    spread[1:, 1] = -np.repeat(np.linspace(0.05, 0.18, 4), 5)
    points = np.broadcast_to(place, (len(T_world_camera), 3))[:, None] + spread
    return apply(invert(T_world_camera), points)
