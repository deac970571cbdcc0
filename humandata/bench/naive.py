"""The script anyone would write first: MediaPipe forward with its defaults, and solvePnP frame by frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from humandata.arrays import FloatArray
from humandata.bench.estimates import Hands, no_hands
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.hands.estimator import DetectSettings, HandDetection
from humandata.hands.mediapipe_estimator import MediaPipeEstimator
from humandata.schemas.landmarks import SIDES
from humandata.video.decode import decode
from humandata.video.probe import probe

_DEFAULTS = DetectSettings(min_detection_confidence=0.5, min_presence_confidence=0.5, min_tracking_confidence=0.5)


def naive_hands(video: Path, camera: Camera) -> Hands:
    """The hands of every frame: of each side the one with the best score, lifted by itself, the camera taken as still.

    `camera` is what the user knows of it.
    """
    frames = ((frame.timestamp_ns, frame.image) for frame in decode(video, probe(video)))
    seen = list(MediaPipeEstimator(_DEFAULTS).track(frames))
    hands = no_hands(len(seen))
    for index, detections in enumerate(seen):
        for detection in sorted(detections, key=lambda each: each.score):
            hand = hands[detection.side]
            hand.landmarks_camera[index] = _lifted(detection, camera)
            hand.landmarks_px[index] = detection.landmarks_px
            hand.episode[index] = 0
    for side in SIDES:
        hands[side].T_world_ee[:] = palm_frame(hands[side].landmarks_camera, side)
    return hands


def _lifted(hand: HandDetection, camera: Camera) -> FloatArray:
    import cv2

    _, rotvec, translation = cv2.solvePnP(
        hand.landmarks_hand, hand.landmarks_px, camera.K, None, flags=cv2.SOLVEPNP_SQPNP
    )
    R = matrix_from_rotvec(np.asarray(rotvec, dtype=np.float64)[:, 0])
    return np.asarray(hand.landmarks_hand @ R.T + np.asarray(translation)[:, 0])
