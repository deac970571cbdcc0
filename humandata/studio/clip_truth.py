"""The truth of a clip: what was planned, and, from its pictures, which hands can be seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from humandata.arrays import BoolArray
from humandata.embodiments.human_hands import aperture_m, palm_frame, wrist_frame
from humandata.geometry.transforms import apply, invert
from humandata.schemas.landmarks import SIDES, HandLandmark, Side
from humandata.studio.clip import Clip
from humandata.studio.human import HandTrack
from humandata.studio.render import Rendering
from humandata.studio.scene import scene_meshes
from humandata.studio.truth import HandTruth, Truth

VISIBLE_SHARE = 0.75
"""A hand is visible with at least this share of its landmarks inside the picture and not behind another hand or a thing
(EgoVLA: 20 of 26 joints)."""


def covered_landmarks(clip: Clip, frame: int, rendering: Rendering) -> dict[Side, BoolArray]:
    """Which landmarks (21,) of each hand lie behind something else than that hand, as the picture of a frame shows."""
    camera = clip.head.camera
    num_others = len(scene_meshes(clip.scene))
    covered: dict[Side, BoolArray] = {}
    for number, hand in enumerate(clip.hands, start=num_others):
        points = apply(invert(clip.T_world_camera[frame]), hand.landmarks_world[frame])
        column, row = np.nan_to_num(camera.project(points), nan=-1.0).round().astype(int).T
        inside = (column >= 0) & (column < camera.width) & (row >= 0) & (row < camera.height)
        column, row = np.where(inside, column, 0), np.where(inside, row, 0)
        covered[hand.side] = (
            inside & (rendering.owner[row, column] != number) & (rendering.depth[row, column] < points[:, 2])
        )
    return covered


def clip_truth(clip: Clip, covered: Sequence[Mapping[Side, BoolArray]] = ()) -> Truth:
    """The exact state at every frame; without `covered`, one entry a frame, no hand is taken to hide another."""
    N = clip.num_frames
    hands = {side: _no_hand(N) for side in SIDES}
    for hand in clip.hands:
        hidden = np.array([each[hand.side] for each in covered]) if covered else np.zeros((N, 1), dtype=np.bool_)
        hands[hand.side] = _hand_truth(clip, hand, hidden)
    return Truth(
        task=clip.task,
        camera=clip.head.camera,
        timestamp_ns=clip.timestamp_ns,
        T_world_camera=clip.T_world_camera[:N],
        T_world_block=clip.T_world_block[:N],
        hands=hands,
    )


def _hand_truth(clip: Clip, hand: HandTrack, hidden: BoolArray) -> HandTruth:
    camera, side = clip.head.camera, hand.side
    landmarks_world = hand.landmarks_world[: clip.num_frames]
    landmarks_camera = apply(invert(clip.T_world_camera[: clip.num_frames]), landmarks_world)
    landmarks_px = camera.project(landmarks_camera)
    inside = np.all((landmarks_px > -0.5) & (landmarks_px < np.array([camera.width, camera.height]) - 0.5), axis=-1)
    return HandTruth(
        visible=np.mean(inside & ~hidden, axis=-1) >= VISIBLE_SHARE,
        landmarks_camera=landmarks_camera,
        landmarks_px=landmarks_px,
        T_world_wrist=wrist_frame(landmarks_world, side),
        T_world_ee=palm_frame(landmarks_world, side),
        aperture_m=aperture_m(landmarks_world),
    )


def _no_hand(num_frames: int) -> HandTruth:
    points = (num_frames, len(HandLandmark))
    return HandTruth(
        visible=np.zeros(num_frames, dtype=np.bool_),
        landmarks_camera=np.full((*points, 3), np.nan),
        landmarks_px=np.full((*points, 2), np.nan),
        T_world_wrist=np.full((num_frames, 4, 4), np.nan),
        T_world_ee=np.full((num_frames, 4, 4), np.nan),
        aperture_m=np.full(num_frames, np.nan),
    )
