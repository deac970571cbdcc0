"""Depth of hand landmarks from a depth map: what the map says at their pixels, where it can be believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from humandata.arrays import BoolArray, Float32Array, FloatArray
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import HandDetection
from humandata.schemas.landmarks import HAND_BONES, HandLandmark

WINDOW_SHARE = 0.02
"""Half the window's side over the hand's extent in the picture: 4 mm of a hand of 18 cm, half a finger's width."""

MIN_MEASURED_SHARE = 0.5
"""Of a window's pixels: with fewer, the landmark lies on a hole's rim."""

MAX_SPREAD_M = 0.02
"""From the 10th to the 90th percentile of a window: more is an edge, with something else behind or in front."""

MAX_REACH_M = 0.15
"""From the hand's median depth: more is the wall behind it, whatever way the hand points."""

_MAX_BONE_M = np.array([0.11 if parent == HandLandmark.WRIST else 0.065 for parent, _ in HAND_BONES])
"""How far the depths of a bone's ends may differ, (20,): its length in a hand of 0.21 m, the 95th percentile of men
(Gordon et al., 2012 Anthropometric Survey of U.S. Army Personnel; shares of Buchholz et al., Ergonomics 35(3), 1992),
and a centimetre for the skin. More is an object before the finger, or what lies behind it."""

_BONE_RADIUS_M = 0.010
"""Within it of a bone that lies nearer, a joint is covered: half a finger, and a little of the detector's error."""

_NEARER_M = 0.005
"""Nearer, in the detector's guess of the hand's shape, than the joint in question: it flattens hands to a third."""

MIN_LANDMARKS = 3
"""Fewer landmarks do not vouch for one another."""

_HALF_THICKNESS_M = {
    "WRIST": 0.020,
    "CMC": 0.015,
    "MCP": 0.013,
    "PIP": 0.009,
    "IP": 0.009,
    "DIP": 0.008,
    "TIP": 0.006,
}
"""How far a joint lies behind the skin a camera sees. Assumed: half of an adult's wrist, palm and fingers, about
40, 28 and 17 mm thick (S. Pheasant and C. Haslegrave, "Bodyspace", 3rd ed., 2005: hand thickness 28 to
33 mm, thumb 18 to 22 mm, index finger 16 to 21 mm from tip to middle joint); between people it varies by 2 to 4 mm."""

HALF_THICKNESS_M = np.array([_HALF_THICKNESS_M[landmark.name.split("_")[-1]] for landmark in HandLandmark])
"""(21,)."""


def with_measured_depth(hand: HandDetection, metres: Float32Array, camera: Camera) -> HandDetection:
    """The hand with `landmarks_depth_m` of its joints, from a map (h, w) of skin in metres, NaN in holes.

    `camera` is that of the picture in which the hand was detected, which the map shows at any size. Each landmark takes
    the median of a small window, and the depth of the joint behind it. One at an edge or a hole, outside the picture,
    or far from where the rest of the hand would have it is NaN. Where hardly any is left, the hand is returned as is.
    """
    skin_m = _window_medians(hand.landmarks_px, metres, camera)
    skin_m[_covered(hand, skin_m, camera)] = np.nan
    _drop_strangers(skin_m)
    if np.isfinite(skin_m).sum() < MIN_LANDMARKS:
        return hand
    rays = camera.unproject(hand.landmarks_px, 1.0)
    return replace(hand, landmarks_depth_m=skin_m + HALF_THICKNESS_M / np.linalg.norm(rays, axis=-1))


def _covered(hand: HandDetection, skin_m: FloatArray, camera: Camera) -> BoolArray:
    """Which landmarks (21,) lie behind a bone of the same hand, whose skin is what was measured at their pixels."""
    ends = np.array(HAND_BONES)
    start, along = hand.landmarks_px[ends[:, 0]], np.diff(hand.landmarks_px[ends], axis=1)[:, 0]
    offset = hand.landmarks_px[:, None] - start
    share = np.clip(np.sum(offset * along, axis=-1) / np.maximum(np.sum(along**2, axis=-1), 1e-9), 0.0, 1.0)
    distance_px = np.linalg.norm(offset - share[..., None] * along, axis=-1)
    guess = hand.landmarks_hand[:, 2]
    bone_m = guess[ends[:, 0]] + share * np.diff(guess[ends], axis=1)[:, 0]
    middle_m = np.nanmedian(skin_m) if np.isfinite(skin_m).any() else np.inf
    over = (distance_px < _BONE_RADIUS_M * camera.fx / middle_m) & (bone_m < guess[:, None] - _NEARER_M)
    over[ends.T, np.arange(len(ends))] = False
    return np.asarray(over.any(axis=1))


def _drop_strangers(skin_m: FloatArray) -> None:
    """Set to NaN, in place, what cannot belong to one hand: the landmark in most contradictions first."""
    if not np.isfinite(skin_m).any():
        return
    from_middle = np.abs(skin_m - np.nanmedian(skin_m))
    skin_m[from_middle > MAX_REACH_M] = np.nan
    ends = np.array(HAND_BONES)
    while True:
        broken = ends[np.abs(np.diff(skin_m[ends], axis=1)[:, 0]) > _MAX_BONE_M]
        if len(broken) == 0:
            return
        contradictions = np.bincount(broken.ravel(), minlength=len(skin_m))
        worst = np.lexsort((np.nan_to_num(from_middle), contradictions))[-1]
        skin_m[worst] = np.nan


def _window_medians(landmarks_px: FloatArray, metres: Float32Array, camera: Camera) -> FloatArray:
    """Median depth (21,) in a window about each landmark; NaN outside the map, in holes and at edges."""
    height, width = metres.shape
    scale = np.array([width / camera.width, height / camera.height])
    centres = (landmarks_px + 0.5) * scale - 0.5
    extent = float(np.max(np.ptp(centres, axis=0)))
    reach = max(1, round(WINDOW_SHARE * extent)) if np.isfinite(extent) else 1
    medians = np.full(len(landmarks_px), np.nan)
    inside = ((centres > -0.5) & (centres < [width - 0.5, height - 0.5])).all(axis=-1)
    for landmark in np.flatnonzero(inside):
        column, row = np.round(centres[landmark]).astype(int)
        window = metres[max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1]
        measured = window[np.isfinite(window)]
        if len(measured) < MIN_MEASURED_SHARE * window.size:
            continue
        near, middle, far = np.percentile(measured, [10, 50, 90])
        if far - near <= MAX_SPREAD_M:
            medians[landmark] = middle
    return medians
