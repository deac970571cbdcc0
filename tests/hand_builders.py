"""Hands made of numbers: anatomy by hand, moved and projected exactly, so that lifting has a truth to meet."""

from __future__ import annotations

import numpy as np

from humandata.arrays import FloatArray, IntArray
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.hands.estimator import HandDetection
from humandata.schemas.landmarks import Side

CAMERA = Camera(fx=520.0, fy=520.0, cx=319.5, cy=239.5, width=640, height=480)
RATE_HZ = 30.0


def right_hand() -> FloatArray:
    """A slightly bent right hand (21, 3) in metres, palm towards the camera, fingers up, about its centre.

    Facing the camera palm first, the thumb of a right hand is on the left of the picture.
    """
    base = np.array([[0.0, 0.0], [-0.03, -0.09], [-0.008, -0.095], [0.012, -0.09], [0.03, -0.08]])
    lengths = [0.0, 0.17, 0.185, 0.17, 0.14]
    points = [np.array([0.0, 0.0, 0.0])]
    thumb = [(-0.025, -0.03, -0.01), (-0.045, -0.06, -0.02), (-0.06, -0.085, -0.022), (-0.07, -0.105, -0.02)]
    points += [np.array(joint) for joint in thumb]
    for finger in range(1, 5):
        knuckle = np.array([*base[finger], 0.0])
        reach = lengths[finger] + base[finger, 1]
        for share, bend in ((0.0, 0.0), (0.5, -0.006), (0.8, -0.015), (1.0, -0.025)):
            points.append(knuckle + [base[finger, 0] * 0.3 * share, -reach * share, bend])
    hand = np.array(points)
    return np.asarray(hand - hand.mean(axis=0))


def hand_of(side: Side) -> FloatArray:
    """`right_hand`, or its mirror image."""
    return right_hand() * ([1.0, 1.0, 1.0] if side == "right" else [-1.0, 1.0, 1.0])


def timestamps(num_frames: int, rate_hz: float = RATE_HZ) -> IntArray:
    return np.asarray(np.round(np.arange(num_frames) * 1e9 / rate_hz), dtype=np.int64)


def moving_hand(side: Side, num_frames: int, x: float = 0.0) -> FloatArray:
    """Landmarks (N, 21, 3) in the camera frame: a hand 0.5 m away that drifts and turns slowly."""
    phase = np.linspace(0.0, 1.0, num_frames)[:, None]
    R = matrix_from_rotvec(phase * [0.2, 0.3, -0.2])
    drift = np.array([x, 0.0, 0.5]) + phase[:, None] * [0.1, 0.05, 0.05]
    return np.asarray(hand_of(side) @ np.swapaxes(R, -1, -2) + drift)


def detection(landmarks_camera: FloatArray, side: Side, score: float = 0.9, size: float = 1.0) -> HandDetection:
    """What a perfect detector says of landmarks (21, 3) in the camera frame, but for the hand's size."""
    centred = landmarks_camera - landmarks_camera.mean(axis=0)
    return HandDetection(side, score, CAMERA.project(landmarks_camera), centred * size)
