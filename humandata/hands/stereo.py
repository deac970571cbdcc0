"""Two views of one hand: which detections belong together, and how far away their landmarks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from humandata.arrays import FloatArray
from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import apply, invert
from humandata.hands.estimator import HandDetection

MAX_REPROJECTION_PX = 3.1
"""A triangulated landmark further than this from where either picture has it is not measured: glove-gap's limit."""

MIN_LANDMARKS = 11
"""Landmarks within the limit that two detections must share to be one hand: more than half."""

SIDE_PENALTY_PX = 3.1
"""What two detections of different sides must be better by than two of the same side."""

_NUM_REWEIGHTINGS = 3


@dataclass(frozen=True)
class StereoRig:
    """Two cameras fixed to each other."""

    first: Camera
    second: Camera
    T_first_second: FloatArray
    """(4, 4)."""


def with_stereo_depth(
    first: Sequence[HandDetection], second: Sequence[HandDetection], rig: StereoRig
) -> tuple[HandDetection, ...]:
    """The hands of the first picture, with `landmarks_depth_m` where one of the second picture is the same hand.

    Pairs are made from the best reprojection on, same sides preferred; a detection is used once. A landmark that does
    not reproject onto both pictures is NaN.
    """
    hands = list(first)
    candidates = []
    for (i, hand), (j, other) in product(enumerate(first), enumerate(second)):
        points, error_px = triangulate(hand.landmarks_px, other.landmarks_px, rig)
        cost = float(np.median(np.nan_to_num(error_px, nan=np.inf)))
        cost += 0.0 if hand.side == other.side else SIDE_PENALTY_PX
        candidates.append((cost, i, j, np.where(error_px <= MAX_REPROJECTION_PX, points[:, 2], np.nan)))
    taken_first: set[int] = set()
    taken_second: set[int] = set()
    for _, i, j, depth_m in sorted(candidates, key=lambda candidate: candidate[:3]):
        if i in taken_first or j in taken_second or np.isfinite(depth_m).sum() < MIN_LANDMARKS:
            continue
        taken_first.add(i)
        taken_second.add(j)
        hands[i] = replace(hands[i], landmarks_depth_m=depth_m)
    return tuple(hands)


def triangulate(first_px: FloatArray, second_px: FloatArray, rig: StereoRig) -> tuple[FloatArray, FloatArray]:
    """Points (N, 3) in the first camera's frame seen at pixels (N, 2) of both pictures, and errors (N,) in pixels.

    Linear triangulation, reweighted by depth so that it minimises the reprojection error (Hartley and Sturm,
    "Triangulation", 1997); the error is the larger of the two pictures'. NaN where a point is behind a camera.
    """
    T_second_first = invert(rig.T_first_second)
    views = ((rig.first, np.eye(4), first_px), (rig.second, T_second_first, second_px))
    weights = [np.ones(len(first_px))] * 2
    points = np.full((len(first_px), 3), np.nan)
    for _ in range(_NUM_REWEIGHTINGS):
        normal, target = np.zeros((len(first_px), 3, 3)), np.zeros((len(first_px), 3))
        for (camera, T_view_first, pixels), weight in zip(views, weights, strict=True):
            xy = camera.unproject(pixels, 1.0)[..., :2]
            # x (r3 p + t3) = r1 p + t1, and likewise y: each row times focal length over depth is an error in pixels
            rows = xy[..., None] * T_view_first[2, :3] - T_view_first[:2, :3]
            offsets = T_view_first[:2, 3] - xy * T_view_first[2, 3]
            squared = (weight * camera.fx) ** 2
            normal += np.einsum("n,nrc,nrd->ncd", squared, rows, rows)
            target += np.einsum("n,nrc,nr->nc", squared, rows, offsets)
        points = _solve(normal, target)
        weights = [1.0 / np.maximum(apply(T_view_first, points)[..., 2], 1e-3) for _, T_view_first, _ in views]
    errors = [
        np.linalg.norm(camera.project(apply(T_view_first, points)) - pixels, axis=-1)
        for camera, T_view_first, pixels in views
    ]
    return points, np.asarray(np.maximum(*errors))


def _solve(normal: FloatArray, target: FloatArray) -> FloatArray:
    """Solutions (N, 3) of N systems; NaN where the two rays are parallel or one is missing."""
    solvable = np.flatnonzero(np.isfinite(normal).all(axis=(1, 2)) & np.isfinite(target).all(axis=1))
    solvable = solvable[np.linalg.cond(normal[solvable]) < 1e12]
    points = np.full(target.shape, np.nan)
    points[solvable] = np.linalg.solve(normal[solvable], target[solvable][..., None])[..., 0]
    return points
