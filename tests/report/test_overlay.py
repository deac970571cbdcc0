"""What is stored, drawn back on its frames: in its place, in its colour, and only where it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from builders import CAMERA, encode, make_episode

from humandata.geometry.transforms import invert, make_transform
from humandata.report.overlay import SIDE_COLORS, draw_axes, overlay_frames, path_to_come, poses_in_camera
from humandata.report.pictures import AXIS_COLORS
from humandata.schemas.episode import PRIMARY_CAMERA, Episode
from humandata.schemas.landmarks import SIDES

BLACK = encode(np.zeros((48, 64, 3), np.uint8))


@pytest.fixture
def episode() -> Episode:
    """A hand before a black wall, so that whatever is bright was drawn."""
    episode = make_episode(3, "human_hands", num_steps=6, rate_hz=15.0)
    return replace(episode, images={PRIMARY_CAMERA: [BLACK] * 6})


def without_arm(episode: Episode, step: int) -> Episode:
    arm = episode.arms["right"]
    valid = arm.valid.copy()
    valid[step] = False
    return replace(episode, arms={"right": replace(arm, valid=valid)})


def test_each_axis_of_an_end_effector_goes_where_the_camera_sees_its_tip() -> None:
    image = np.zeros((48, 64, 3), np.uint8)
    T_camera_ee = make_transform(np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]), [0.0, 0.0, 0.3])
    draw_axes(image, CAMERA, T_camera_ee)
    for axis in (0, 1):  # z points along the ray through the origin, and is a point
        column, row = CAMERA.project(T_camera_ee[:3, 3] + 0.04 * T_camera_ee[:3, axis]).round().astype(int)
        assert np.argmax(image[row, column]) == np.argmax(AXIS_COLORS[axis])


def test_small_frames_are_enlarged_and_the_skeleton_with_them(episode: Episode) -> None:
    frames = list(overlay_frames(episode))
    assert len(frames) == 6
    assert frames[0].shape == (480, 640, 3)
    hand = episode.arms["right"].hand
    assert hand is not None
    inside = (hand.landmarks_px[0] > [2, 2]).all(axis=1) & (hand.landmarks_px[0] < [61, 45]).all(axis=1)
    assert inside.sum() > 5
    for column, row in ((hand.landmarks_px[0][inside] + 0.5) * 10 - 0.5).round().astype(int):
        assert frames[0][row - 1 : row + 2, column - 1 : column + 2].max() > 60, "a bone ends at each landmark"


def test_where_an_arm_is_not_known_nothing_is_drawn_of_it(episode: Episode) -> None:
    known, unknown = (list(overlay_frames(each))[2] for each in (episode, without_arm(episode, 2)))
    below_caption = slice(60, None)
    assert known[below_caption].any()
    assert not unknown[below_caption].any()


def test_two_hands_in_one_place_are_told_apart_in_the_caption(episode: Episode) -> None:
    arm = episode.arms["right"]
    frame = next(overlay_frames(replace(episode, arms={"left": arm, "right": arm})))
    for side, row in zip(SIDES, (48, 64), strict=True):  # the baselines of the third and the fourth line
        line = frame[row - 9 : row, 8:60].reshape(-1, 3)
        brightest = line[line.sum(axis=1).argmax()].astype(float)
        np.testing.assert_allclose(brightest / brightest.max(), np.array(SIDE_COLORS[side]) / 255, atol=0.05)


def test_the_path_to_come_is_seen_from_now_and_leaves_out_what_is_not_known(episode: Episode) -> None:
    T_world_camera = make_transform(np.eye(3), np.linspace([0.0, 0.0, 0.0], [0.2, 0.1, 0.0], 6))
    moving = replace(without_arm(episode, 3), T_world_camera=T_world_camera)
    arm = moving.arms["right"]
    path = path_to_come(moving, arm, 1, path_s=0.21)  # steps 1 to 4 at 15 Hz
    np.testing.assert_allclose(path, arm.T_world_ee[[1, 2, 4], :3, 3] - T_world_camera[1, :3, 3])
    nowhere = replace(moving, world_valid=np.zeros(6, bool))
    assert path_to_come(nowhere, arm, 1).shape == (0, 3)


def test_poses_are_in_the_camera_where_the_world_is_another_frame(episode: Episode) -> None:
    T_world_camera = make_transform(np.eye(3), np.full((6, 3), [0.1, -0.2, 0.3]))
    moved = replace(episode, T_world_camera=T_world_camera)
    arm = moved.arms["right"]
    np.testing.assert_allclose(poses_in_camera(moved, arm), invert(T_world_camera) @ arm.T_world_ee)
    in_camera = replace(moved, provenance=replace(moved.provenance, world_frame="camera"))
    np.testing.assert_array_equal(poses_in_camera(in_camera, arm), arm.T_world_ee)
