"""Paths worked out from pictures: odometry over depth, structure from motion, and their scale."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest
from rooms import CAMERA, Room, hand_at, render_room, swaying

from humandata.arrays import FloatArray
from humandata.camera_motion.decide import Evidence, find_camera_path
from humandata.camera_motion.declared import DeclaredPoses
from humandata.camera_motion.rgbd import depth_odometry
from humandata.camera_motion.settings import MotionSettings, TrustSettings
from humandata.geometry.rotations import angle_between
from humandata.geometry.transforms import invert
from humandata.schemas.landmarks import Side
from humandata.schemas.sidecar import Sidecar

NUM = 16
PLACE = np.array([0.0, 0.15, 0.58])
"""Of a hand at rest on the nearest boards."""


@cache
def swayed() -> tuple[Room, dict[Side, FloatArray]]:
    """A room under a head that sways, and a hand at rest in it, in the camera frame."""
    path = swaying(NUM)
    landmarks = hand_at(path, PLACE)
    return render_room(path, hands=[[each] for each in CAMERA.project(landmarks)]), {"right": landmarks}


def evidence(room: Room, depth: bool = False, sidecar: Sidecar | None = None) -> Evidence:
    by_time = dict(zip(room.view.timestamp_ns.tolist(), room.depths, strict=True))
    return Evidence(room.view.timestamp_ns, room.view, sidecar or Sidecar(), None, by_time.get if depth else None)


def test_depth_odometry_follows_the_head() -> None:
    room, _ = swayed()
    odometry = depth_odometry(room.view, dict(zip(room.view.timestamp_ns.tolist(), room.depths, strict=True)).get)
    error = np.linalg.norm(odometry.T_start_camera[:, :3, 3] - room.T_world_camera[:, :3, 3], axis=-1)
    # of 12 cm; the pictures are 320 pixels wide, of which one is 3 mm on the boards
    assert error.max() < 0.005
    assert angle_between(odometry.T_start_camera[:, :3, :3], room.T_world_camera[:, :3, :3]).max() < 0.01


def test_missing_depth_maps_leave_a_hole_and_the_longer_stretch() -> None:
    room, _ = swayed()
    maps = dict(zip(room.view.timestamp_ns.tolist(), room.depths, strict=True))
    del maps[int(room.view.timestamp_ns[5])]
    known = np.isfinite(depth_odometry(room.view, maps.get).T_start_camera[:, 0, 0])
    np.testing.assert_array_equal(known, np.arange(NUM) > 5)


@pytest.mark.parametrize("size_px", [0, 8], ids=["pinholes", "patches"])
def test_a_path_is_found_though_four_tenths_of_each_map_are_holes(size_px: int) -> None:
    room, _ = swayed()
    maps = {}
    for seed, time_ns in enumerate(room.view.timestamp_ns.tolist()):
        noise = np.random.default_rng(seed).normal(size=room.depths[seed].shape)
        clumped = cv2.GaussianBlur(noise, (0, 0), size_px) if size_px else noise
        maps[time_ns] = np.where(clumped < np.quantile(clumped, 0.4), np.nan, room.depths[seed]).astype(np.float32)
    odometry = depth_odometry(room.view, maps.get)
    error = np.linalg.norm(odometry.T_start_camera[:, :3, 3] - room.T_world_camera[:, :3, 3], axis=-1)
    # Of 12 cm: less of each keyframe is left, so there are more of them. NaN where a picture is not placed.
    assert error.max() < 0.02
    assert 0.5 < odometry.fitness <= 1.0  # of what has a depth, not of the whole picture


def test_depth_that_odometry_can_make_nothing_of_gives_no_path_and_no_error() -> None:
    room, _ = swayed()
    rng = np.random.default_rng(0)  # so sparse that Open3D's equations are singular, which it raises
    maps = {
        time_ns: np.where(rng.random(depth.shape) < 0.8, np.nan, depth).astype(np.float32)
        for time_ns, depth in zip(room.view.timestamp_ns.tolist(), room.depths, strict=True)
    }
    assert np.isnan(depth_odometry(room.view, maps.get).T_start_camera).all()


def test_auto_uses_depth_maps_where_the_camera_moves() -> None:
    room, hands = swayed()
    path = find_camera_path(evidence(room, depth=True), hands, "auto", MotionSettings())
    assert (path.camera_motion, path.decided_by, path.world_frame) == ("rgbd", "background", "camera_start")
    assert path.world_valid.all()
    assert path.figures["camera_shift_px"] > 5


def test_auto_calls_a_still_camera_static() -> None:
    room = render_room(np.repeat(np.eye(4)[None], NUM, axis=0))
    path = find_camera_path(evidence(room), {}, "auto", MotionSettings())
    assert (path.camera_motion, path.decided_by, path.world_frame) == ("static", "background", "camera_start")
    assert path.figures["camera_still_pictures"] == 1.0


def test_background_says_that_a_camera_moved_and_not_how() -> None:
    room, hands = swayed()
    path = find_camera_path(evidence(room, depth=True), hands, "background", MotionSettings())
    assert (path.camera_motion, path.decided_by) == ("unknown", "background")
    assert path.note is not None
    assert "does not ask how" in path.note
    assert path.figures["camera_shift_px"] > 5


def test_what_the_sidecar_says_wins() -> None:
    room, hands = swayed()
    said = evidence(room, depth=True, sidecar=Sidecar(camera_motion="static"))
    for choice in ("auto", "rgbd", "sidecar"):
        path = find_camera_path(said, hands, choice, MotionSettings())
        assert (path.camera_motion, path.decided_by) == ("static", "sidecar")


def test_nothing_is_worked_out_where_only_sidecars_are_to_be_believed() -> None:
    room, hands = swayed()
    path = find_camera_path(evidence(room, depth=True), hands, "sidecar", MotionSettings())
    assert (path.camera_motion, path.decided_by, path.note) == ("unknown", "nothing", None)
    path = find_camera_path(evidence(room), hands, "static", MotionSettings())
    assert (path.camera_motion, path.decided_by) == ("static", "option")


def test_depth_that_is_asked_for_and_not_there_is_said() -> None:
    room, hands = swayed()
    path = find_camera_path(evidence(room), hands, "rgbd", MotionSettings())
    assert path.camera_motion == "unknown"
    assert path.note is not None
    assert "names none" in path.note


def test_structure_from_motion_keeps_a_resting_hand_at_rest() -> None:
    pytest.importorskip("pycolmap")
    room, hands = swayed()
    path = find_camera_path(evidence(room), hands, "sfm", MotionSettings())
    assert (path.camera_motion, path.decided_by) == ("sfm", "option"), path.note
    assert path.world_valid.all()
    assert path.figures["camera_reprojection_px"] < 0.5
    position = path.T_world_camera[:, :3, 3]
    truth = room.T_world_camera[:, :3, 3]
    scale = float((position * truth).sum() / (position**2).sum())
    # One length is right up to the scale, the other in metres: the scale is that of a hand on a board, to its sigma.
    assert np.linalg.norm(scale * position - truth, axis=-1).max() < 0.01
    assert abs(np.log(scale)) < 2 * path.figures["camera_scale_sigma"]


def test_stretches_that_share_no_world_are_further_apart_than_an_episode_runs_on() -> None:
    pytest.importorskip("pycolmap")
    there = swaying(10)
    there_and_back = np.concatenate([there, there[::-1]])
    landmarks = hand_at(there_and_back, PLACE)
    room = render_room(there_and_back, hands=[[each] for each in CAMERA.project(landmarks)])
    settings = MotionSettings(window_s=1.0)
    path = find_camera_path(replace(evidence(room), max_gap_s=0.25), {"right": landmarks}, "sfm", settings)
    assert path.camera_motion == "sfm", path.note
    known = np.flatnonzero(path.world_valid)
    times = room.view.timestamp_ns[known]
    [seam] = np.flatnonzero(np.diff(known) > 1)
    assert times[seam + 1] - times[seam] > 250_000_000
    # Each stretch begins a world of its own, where its first picture was taken.
    np.testing.assert_allclose(path.T_world_camera[0], np.eye(4), atol=1e-9)
    assert np.linalg.norm(path.T_world_camera[known[seam + 1], :3, 3]) < 0.5 * np.linalg.norm(there[-1, :3, 3])


def test_a_scale_that_is_not_known_well_enough_is_not_used() -> None:
    pytest.importorskip("pycolmap")
    room, hands = swayed()
    strict = MotionSettings(trust=TrustSettings(max_scale_error_m=1e-4))
    path = find_camera_path(evidence(room), hands, "sfm", strict)
    assert path.camera_motion == "unknown"
    assert path.note is not None
    assert "scale" in path.note
    assert not path.world_valid.any()


def test_without_hands_the_scale_is_not_known() -> None:
    pytest.importorskip("pycolmap")
    room, _ = swayed()
    path = find_camera_path(evidence(room), {"right": np.full((NUM, 21, 3), np.nan)}, "sfm", MotionSettings())
    assert path.camera_motion == "unknown"
    assert path.note is not None
    assert "without a hand" in path.note


def test_a_camera_that_only_turns_has_no_structure() -> None:
    pytest.importorskip("pycolmap")
    turning = swaying(8, shift_m=0.0)
    path = find_camera_path(evidence(render_room(turning)), {"right": hand_at(turning, PLACE)}, "sfm", MotionSettings())
    assert path.camera_motion == "unknown"
    assert path.note is not None
    assert "parallax" in path.note


def test_poses_of_unknown_scale_get_that_of_the_hands() -> None:
    room, hands = swayed()
    shrunk = room.T_world_camera.copy()
    shrunk[:, :3, 3] *= 0.01
    poses = DeclaredPoses(room.view.timestamp_ns, shrunk, "arbitrary", metric=False)
    path = find_camera_path(replace(evidence(room), poses=poses), hands, "auto", MotionSettings())
    assert (path.camera_motion, path.decided_by, path.world_frame) == ("sidecar", "sidecar", "arbitrary")
    moved = invert(path.T_world_camera[0]) @ path.T_world_camera[-1]
    true = room.T_world_camera[-1, :3, 3]
    ratio = np.linalg.norm(moved[:3, 3]) / np.linalg.norm(true)
    assert abs(np.log(ratio)) < 2 * path.figures["camera_scale_sigma"]
