"""Still or moving, as the background says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from rooms import CAMERA, hand_at, render_room, swaying

from humandata.camera_motion.background import BackgroundSettings, _judge, judge_background
from humandata.camera_motion.view import View, background_mask

SETTINGS = BackgroundSettings(rate_hz=10.0)
NUM = 12
STILL = np.repeat(np.eye(4)[None], NUM, axis=0)


def test_a_camera_that_stands_is_still_and_one_that_sways_is_not() -> None:
    still = judge_background(render_room(STILL).view, SETTINGS)
    assert still.still
    assert still.still_pictures == 1.0
    assert still.shift_px < 0.3  # noise moves a corner by a fraction of a pixel
    moving = judge_background(render_room(swaying(NUM)).view, SETTINGS)
    assert moving.still is False
    assert moving.shift_px > 5


def test_large_pictures_are_judged_at_half_their_size() -> None:
    view = render_room(swaying(NUM)).view
    large = replace(
        view,
        picture=lambda number: view.picture(number).repeat(2, axis=0).repeat(2, axis=1),
        hands_px=[[2 * hand for hand in hands] for hands in view.hands_px],
        camera=view.camera.scaled(2 * view.camera.width, 2 * view.camera.height),
    )
    assert large.coarse(240).grey(0).shape == view.grey(0).shape
    found, expected = judge_background(large, SETTINGS), judge_background(view, SETTINGS)
    assert found.still is expected.still is False
    np.testing.assert_allclose(found.shift_px, 2 * expected.shift_px, rtol=0.1)  # of what is followed to tenths of 1 px


def test_hands_that_wave_do_not_make_the_camera_move() -> None:
    waving = np.array([0.0, 0.1, 0.35]) + np.linspace(-0.1, 0.1, NUM)[:, None] * [1.0, 0.2, 0.0]
    pixels = CAMERA.project(hand_at(STILL, waving))
    found = judge_background(render_room(STILL, hands=[[each] for each in pixels]).view, SETTINGS)
    assert found.still


def test_a_camera_that_is_moved_once_is_not_still() -> None:
    path = STILL.copy()
    path[NUM // 2 :] = swaying(2)[1]
    assert judge_background(render_room(path).view, SETTINGS).still is False


def test_a_head_that_turns_faster_than_two_pictures_a_second_can_follow_is_not_still() -> None:
    view = render_room(swaying(NUM, shift_m=0.3, turn_rad=1.2)).view
    assert _judge(view.thinned(2.0), BackgroundSettings()).still is None
    found = judge_background(view, BackgroundSettings())
    assert found.still is False
    assert found.shift_px > 5


def test_without_background_nothing_is_said() -> None:
    view = render_room(STILL).view
    plain = View(view.timestamp_ns, lambda _: np.full((240, 320, 3), 90, np.uint8), view.hands_px, view.camera)
    assert judge_background(plain, SETTINGS).still is None
    assert judge_background(view.thinned(0.1), SETTINGS).still is None


def test_the_hand_and_the_arm_behind_it_are_no_background() -> None:
    [landmarks] = CAMERA.project(hand_at(STILL[:1], np.array([0.0, 0.05, 0.5])))
    mask = background_mask([landmarks], 320, 240)
    column, row = np.round(landmarks).astype(int).T
    assert not mask[row, column].any()
    wrist, fingertip = landmarks[0], landmarks[12]
    behind = np.round(wrist + 0.5 * (wrist - fingertip)).astype(int)
    assert mask[behind[1], behind[0]] == 0
    assert mask[0, 0] == 255
    assert (background_mask([np.full((21, 2), np.nan)], 320, 240) == 255).all()
