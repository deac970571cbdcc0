"""The 21 hand landmarks, in the order MediaPipe and the OpenPose joints of HaMeR share, and the two sides."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

Side = Literal["left", "right"]

SIDES: tuple[Side, Side] = ("left", "right")
"""Anatomical sides, always in this order."""


class HandLandmark(IntEnum):
    """Index of a landmark in an array (..., 21, 2 or 3)."""

    WRIST = 0
    THUMB_CMC = 1
    THUMB_MCP = 2
    THUMB_IP = 3
    THUMB_TIP = 4
    INDEX_MCP = 5
    INDEX_PIP = 6
    INDEX_DIP = 7
    INDEX_TIP = 8
    MIDDLE_MCP = 9
    MIDDLE_PIP = 10
    MIDDLE_DIP = 11
    MIDDLE_TIP = 12
    RING_MCP = 13
    RING_PIP = 14
    RING_DIP = 15
    RING_TIP = 16
    PINKY_MCP = 17
    PINKY_PIP = 18
    PINKY_DIP = 19
    PINKY_TIP = 20


HAND_BONES: tuple[tuple[HandLandmark, HandLandmark], ...] = tuple(
    (HandLandmark(0 if joint == 0 else 4 * finger + joint), HandLandmark(4 * finger + joint + 1))
    for finger in range(5)
    for joint in range(4)
)
"""Parent and child of each of the 20 bones, thumb to little finger, from the wrist out."""
