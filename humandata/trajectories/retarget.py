"""From the landmarks of a hand to an arm: end effector, wrist, aperture and gripper opening."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from humandata.arrays import BoolArray, FloatArray
from humandata.camera_motion.path import CameraPath
from humandata.embodiments.human_hands import EE_RULES, HUMAN_HANDS, aperture_m, wrist_frame
from humandata.schemas.documents import Document
from humandata.schemas.episode import ArmTrack, HandTrack
from humandata.schemas.landmarks import Side
from humandata.trajectories.missing import known_steps, where_valid


class RetargetSettings(Document):
    """The recipe's section `retarget`."""

    ee_rule: Literal["palm", "pinch"] = Field(default="palm", description="where on the hand the end effector is")


def retarget(
    landmarks_camera: FloatArray,
    landmarks_px: FloatArray,
    wrist_sigma_m: FloatArray,
    confidence: FloatArray,
    interpolated: BoolArray,
    path: CameraPath,
    side: Side,
    settings: RetargetSettings,
) -> ArmTrack:
    """The arm of one hand over T steps, from landmarks (T, 21, 3) and (T, 21, 2), and wrist_sigma_m (T, 3).

    Valid are the steps at which the landmarks are known and, where `world` is not the camera itself, the camera's pose
    is too. Everything else is NaN.
    """
    in_camera = path.world_frame == "camera"
    T_world_camera = np.broadcast_to(np.eye(4), path.T_world_camera.shape) if in_camera else path.T_world_camera
    T_world_ee = T_world_camera @ EE_RULES[settings.ee_rule](landmarks_camera, side)
    T_world_wrist = T_world_camera @ wrist_frame(landmarks_camera, side)
    valid = known_steps(T_world_ee) & known_steps(T_world_wrist)
    aperture = where_valid(valid, aperture_m(landmarks_camera))
    return ArmTrack(
        T_world_ee=where_valid(valid, T_world_ee),
        valid=valid,
        interpolated=interpolated & valid,
        confidence=where_valid(valid, confidence),
        gripper_opening=HUMAN_HANDS.gripper.opening(aperture),
        aperture_m=aperture,
        hand=HandTrack(
            T_world_wrist=where_valid(valid, T_world_wrist),
            wrist_sigma_m=where_valid(valid, wrist_sigma_m),
            landmarks_camera=where_valid(valid, landmarks_camera),
            landmarks_px=where_valid(valid, landmarks_px),
        ),
    )
