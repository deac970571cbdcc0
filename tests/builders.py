"""Small episodes and sources for tests, made without a model and in milliseconds."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from humandata.dataset.compile import compile_source
from humandata.dataset.identity import content_sha256, episode_id
from humandata.dataset.write import InputIdentity, write_input
from humandata.embodiments import get_embodiment
from humandata.embodiments.human_hands import palm_frame, wrist_frame
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform
from humandata.schemas.episode import PRIMARY_CAMERA, ArmTrack, Episode, HandTrack, Provenance
from humandata.schemas.landmarks import Side
from humandata.schemas.source import RecipeRecord

RECIPE = RecipeRecord(name="test", sha256=content_sha256("test"), content={})
CAMERA = Camera(fx=60.0, fy=60.0, cx=31.5, cy=23.5, width=64, height=48)


def make_episode(
    seed: int = 0, embodiment: str = "franka_panda", num_steps: int = 40, rate_hz: float = 20.0, task: str = "push"
) -> Episode:
    """A smooth random motion of one arm, with tiny images; a hand has landmarks too, seen by a static camera."""
    rng = np.random.default_rng([seed, num_steps])
    timestamp_ns = (np.arange(num_steps) * 1e9 / rate_hz).astype(np.int64)
    phase = np.linspace(0.0, 1.0, num_steps)[:, None]
    R = matrix_from_rotvec(phase * rng.normal(scale=0.5, size=3)) @ matrix_from_rotvec(rng.normal(size=3))
    position = np.array([0.0, 0.0, 0.5]) + phase * rng.normal(scale=0.2, size=3)
    T_world_ee = make_transform(R, position)
    is_hand = get_embodiment(embodiment).kind == "human"
    side: Side = "right"
    hand = None
    if is_hand:
        in_hand = np.random.default_rng(7).normal(scale=0.04, size=(21, 3)) + np.linspace(0, 0.1, 21)[:, None] * [
            0,
            0,
            1,
        ]
        landmarks = in_hand @ np.swapaxes(R, -1, -2) + position[:, None]
        T_world_ee = palm_frame(landmarks, side)
        hand = HandTrack(
            wrist_frame(landmarks, side), np.full((num_steps, 3), 0.02), landmarks, CAMERA.project(landmarks)
        )
    content = content_sha256([seed, embodiment, num_steps, rate_hz, task])
    valid = np.ones(num_steps, bool)
    return Episode(
        id=episode_id(content, int(timestamp_ns[0]), int(timestamp_ns[-1]) + 1, RECIPE.sha256),
        embodiment=embodiment,
        task=task,
        input=f"{embodiment}_{seed:03d}",
        input_sha256=content,
        timestamp_ns=timestamp_ns,
        images={PRIMARY_CAMERA: [encode(rng.integers(0, 255, (48, 64, 3), np.uint8)) for _ in range(num_steps)]},
        arms={
            side: ArmTrack(
                T_world_ee=T_world_ee,
                valid=valid,
                interpolated=~valid,
                confidence=np.ones(num_steps),
                gripper_opening=np.linspace(0.0, 1.0, num_steps),
                aperture_m=np.linspace(0.0, 0.08, num_steps),
                hand=hand,
            )
        },
        T_world_camera=np.tile(np.eye(4), (num_steps, 1, 1)) if is_hand else np.full((num_steps, 4, 4), np.nan),
        world_valid=valid,
        camera=CAMERA if is_hand else None,
        provenance=Provenance(
            world_frame="camera_start" if is_hand else "base",
            camera_motion="static" if is_hand else "unknown",
            scale="assumed" if is_hand else "metric",
            intrinsics="sidecar" if is_hand else None,
        ),
        rate_hz=rate_hz,
        quality={"mean_confidence": 1.0},
    )


def encode(image: np.ndarray) -> bytes:
    """An RGB image as JPEG."""
    return bytes(cv2.imencode(".jpg", image[..., ::-1])[1])


def write_source(folder: Path, episodes: list[Episode]) -> Path:
    """A finished source holding the episodes, one input each."""
    for episode in episodes:
        identity = InputIdentity(episode.input, episode.input_sha256, size_bytes=1, mtime_ns=1)
        write_input(folder, identity, RECIPE.sha256, [episode])
    is_hand = get_embodiment(episodes[0].embodiment).kind == "human"
    compile_source(folder, folder.name, "human_video" if is_hand else "robot_dataset", "test", RECIPE)
    return folder
