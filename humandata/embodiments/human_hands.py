"""A person's two hands: the EE frame is built from landmarks, and finger aperture stands in for the gripper.

            z (wrist -> middle knuckle)            right hand, palm towards the reader:
               |      middle
          ring |  index                            x (out of the palm) points at the reader,
       pinky | | |                                 y = z x x to the reader's right, towards the thumb
             | | | /thumb
            [  o  ]  ---> y                        o = origin: mean of wrist, index, middle and ring knuckle
             [___]
               w  = wrist

On the left hand x still points out of the palm, so y points away from the thumb.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import FloatArray
from humandata.embodiments.embodiment import Embodiment, GripperRange
from humandata.geometry.transforms import make_transform
from humandata.schemas.landmarks import HandLandmark, Side

HUMAN_HANDS = Embodiment(
    name="human_hands",
    kind="human",
    arms=("left", "right"),
    gripper=GripperRange(closed=0.0, open=0.085, max_aperture_m=0.085),
)
"""The opening is the aperture over 0.085 m, the stroke of a Robotiq 2F-85, so that 1 means as open as that gripper."""

_PALM_LANDMARKS = [HandLandmark.WRIST, HandLandmark.INDEX_MCP, HandLandmark.MIDDLE_MCP, HandLandmark.RING_MCP]


def palm_frame(landmarks: ArrayLike, side: Side) -> FloatArray:
    """T_a_ee (..., 4, 4) of landmarks (..., 21, 3) in metres in frame a, by the rule `palm`.

    The origin is the mean of the wrist and the index, middle and ring knuckle; z leads from the wrist to the middle
    knuckle; x is the normal out of the palm. NaN where the landmarks are missing or lie on one line.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    return _frame(points[..., _PALM_LANDMARKS, :].mean(axis=-2), points, side)


def pinch_frame(landmarks: ArrayLike, side: Side) -> FloatArray:
    """T_a_ee (..., 4, 4) of landmarks (..., 21, 3), by the rule `pinch`: origin midway between thumb and index tip.

    The axes are those of `palm_frame`.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    origin = (points[..., HandLandmark.THUMB_TIP, :] + points[..., HandLandmark.INDEX_TIP, :]) / 2.0
    return _frame(origin, points, side)


def wrist_frame(landmarks: ArrayLike, side: Side) -> FloatArray:
    """T_a_wrist (..., 4, 4) of landmarks (..., 21, 3): the axes of `palm_frame` at the wrist landmark."""
    points = np.asarray(landmarks, dtype=np.float64)
    return _frame(points[..., HandLandmark.WRIST, :], points, side)


def aperture_m(landmarks: ArrayLike) -> FloatArray:
    """Distance (...) in metres between thumb tip and index tip of landmarks (..., 21, 3)."""
    points = np.asarray(landmarks, dtype=np.float64)
    gap = points[..., HandLandmark.THUMB_TIP, :] - points[..., HandLandmark.INDEX_TIP, :]
    return np.asarray(np.linalg.norm(gap, axis=-1))


EE_RULES = {"palm": palm_frame, "pinch": pinch_frame}


def _frame(origin: FloatArray, points: FloatArray, side: Side) -> FloatArray:
    wrist = points[..., HandLandmark.WRIST, :]
    to_index = points[..., HandLandmark.INDEX_MCP, :] - wrist
    to_pinky = points[..., HandLandmark.PINKY_MCP, :] - wrist
    out_of_palm = np.cross(to_index, to_pinky) * (1.0 if side == "right" else -1.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = _unit(points[..., HandLandmark.MIDDLE_MCP, :] - wrist)
        x = _unit(out_of_palm - np.sum(out_of_palm * z, axis=-1, keepdims=True) * z)
    return make_transform(np.stack([x, np.cross(z, x), z], axis=-1), origin)


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
