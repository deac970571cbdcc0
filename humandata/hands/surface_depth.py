"""Depth of hand landmarks from a depth map: what the map says at their pixels, where it can be believed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from humandata.geometry.cameras import Camera
from humandata.hands.estimator import FloatArray, HandDetection
from humandata.schemas.landmarks import HandLandmark

WINDOW_SHARE = 0.02
"""Half the window's side over the hand's extent in the picture: 4 mm of a hand of 18 cm, half a finger's width."""

MIN_MEASURED_SHARE = 0.5
"""Of a window's pixels: with fewer, the landmark lies on a hole's rim."""

MAX_SPREAD_M = 0.02
"""From the 10th to the 90th percentile of a window: more is an edge, with something else behind or in front."""

MAX_MISFIT_M = 0.04
"""From where the detector's own guess of the hand's shape, put at the hand's median depth, has the landmark: more is an
object before the hand, or the wall behind it. The guess errs by 2 to 3 cm itself."""

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


def with_measured_depth(hand: HandDetection, metres: NDArray[np.float32], camera: Camera) -> HandDetection:
    """The hand with `landmarks_depth_m` of its joints, from a map (h, w) of skin in metres, NaN in holes.

    `camera` is that of the picture in which the hand was detected, which the map shows at any size. Each landmark takes
    the median of a small window, and the depth of the joint behind it. One at an edge or a hole, outside the picture,
    or far from where the rest of the hand would have it is NaN. Where hardly any is left, the hand is returned as is.
    """
    skin_m = _window_medians(hand.landmarks_px, metres, camera)
    guess = hand.landmarks_hand[:, 2]
    if np.isfinite(skin_m).sum() >= MIN_LANDMARKS:
        offset = np.nanmedian(skin_m - guess)
        with np.errstate(invalid="ignore"):
            skin_m = np.where(np.abs(skin_m - guess - offset) <= MAX_MISFIT_M, skin_m, np.nan)
    if np.isfinite(skin_m).sum() < MIN_LANDMARKS:
        return hand
    rays = camera.unproject(hand.landmarks_px, 1.0)
    return replace(hand, landmarks_depth_m=skin_m + HALF_THICKNESS_M / np.linalg.norm(rays, axis=-1))


def _window_medians(landmarks_px: FloatArray, metres: NDArray[np.float32], camera: Camera) -> FloatArray:
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
