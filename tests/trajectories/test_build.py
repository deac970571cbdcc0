"""From detections to candidate episodes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hand_builders import CAMERA, detection, timestamps
from hypothesis import given, settings
from hypothesis import strategies as st

from humandata.arrays import FloatArray
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.rotations import matrix_from_rotvec, wxyz_from_matrix
from humandata.geometry.transforms import apply, invert, make_transform
from humandata.hands.estimator import HandDetection
from humandata.schemas.landmarks import SIDES
from humandata.schemas.sidecar import CameraPoses, Sidecar
from humandata.trajectories.build import Tracks, TrackSettings, build_tracks, cut_segments
from humandata.trajectories.hand_model import PALM, PHALANGES, HandShape, pose_hand
from humandata.trajectories.hand_priors import ANGLE_MEAN
from humandata.trajectories.retarget import RetargetSettings
from humandata.trajectories.segment import Segment, SegmentSettings, spans

NUM_FRAMES = 60
SETTINGS = TrackSettings()
STATIC = Sidecar(camera_motion="static")


def right_hand_in_camera() -> FloatArray:
    """(N, 21, 3): a right hand of the size and in the posture that the lifter expects, drifting and turning slowly."""
    length_m = TrackSettings().lift.hand_length_m
    hand = pose_hand(HandShape(length_m * PALM, length_m * PHALANGES), ANGLE_MEAN[None]).points[0]
    phase = np.linspace(0.0, 1.0, NUM_FRAMES)[:, None]
    R_back = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
    R = matrix_from_rotvec(phase * [0.2, 0.3, -0.2]) @ R_back
    return np.asarray(hand @ np.swapaxes(R, 1, 2) + ([0.0, 0.05, 0.5] + phase * [0.1, 0.05, 0.05])[:, None])


def detect(landmarks: FloatArray, missing: Sequence[int] = ()) -> list[list[HandDetection]]:
    return [
        [] if index in missing else [detection(points, "right", 0.8, size=0.7)]
        for index, points in enumerate(landmarks)
    ]


def build(detections: list[list[HandDetection]], sidecar: Sidecar | None = STATIC) -> Tracks:
    return build_tracks(timestamps(NUM_FRAMES), detections, CAMERA, sidecar, SETTINGS)


def cut(tracks: Tracks, every: int = 2) -> list[Segment]:
    return cut_segments(tracks, np.arange(0, NUM_FRAMES, every), SETTINGS)


def test_a_perfectly_seen_hand_comes_out_where_it_was() -> None:
    truth = right_hand_in_camera()
    (segment,) = cut(build(detect(truth)))
    arm = segment.arms["right"]
    np.testing.assert_array_equal(segment.frame_index, np.arange(0, NUM_FRAMES, 2))
    np.testing.assert_array_equal(segment.timestamp_ns, timestamps(NUM_FRAMES)[::2])
    # The fit weighs pixels against what hands usually do: a millimetre, half a degree.
    np.testing.assert_allclose(arm.T_world_ee, palm_frame(truth[::2], "right"), atol=1.5e-2)
    assert arm.valid.all()
    assert not arm.interpolated.any()
    assert segment.quality["mean_confidence"] == pytest.approx(0.8)
    assert segment.quality["interpolated_fraction"] == 0.0
    assert segment.scale == "assumed"


def test_the_hand_that_is_not_there_is_missing_throughout() -> None:
    (segment,) = cut(build(detect(right_hand_in_camera())))
    arm = segment.arms["left"]
    assert arm.hand is not None
    assert not arm.valid.any()
    for values in (arm.T_world_ee, arm.confidence, arm.aperture_m, arm.gripper_opening, arm.hand.landmarks_px):
        assert np.isnan(values).all()


def test_a_short_gap_is_filled_and_flagged() -> None:
    truth = right_hand_in_camera()
    (segment,) = cut(build(detect(truth, missing=range(20, 30))), every=1)
    arm = segment.arms["right"]
    assert arm.valid.all()
    np.testing.assert_array_equal(np.flatnonzero(arm.interpolated), np.arange(20, 30))
    np.testing.assert_allclose(arm.T_world_ee, palm_frame(truth, "right"), atol=2e-2)
    assert arm.hand is not None
    np.testing.assert_allclose(arm.hand.landmarks_px, CAMERA.project(truth), atol=5.0)


def test_a_long_gap_splits_the_episode() -> None:
    first, second = cut(build(detect(right_hand_in_camera(), missing=range(15, 40))), every=1)
    assert first.frame_index[-1] == 14
    assert second.frame_index[0] == 40


def test_a_hand_at_rest_stays_at_rest_while_the_head_turns() -> None:
    stamps = timestamps(NUM_FRAMES)
    turn = np.linspace(0.0, 0.4, NUM_FRAMES)[:, None]
    R_world_camera = matrix_from_rotvec(turn * [0.0, 1.0, 0.3])
    T_world_camera = make_transform(R_world_camera, turn * [0.1, 0.0, 0.1])
    at_rest = right_hand_in_camera()[0] + [0.1, 0.0, 0.0]
    seen = apply(invert(T_world_camera), np.repeat(at_rest[None], NUM_FRAMES, axis=0))
    poses = CameraPoses(
        world="arbitrary",
        timestamp_ns=tuple(stamps.tolist()),
        position=tuple(map(tuple, T_world_camera[:, :3, 3].tolist())),
        wxyz=tuple(map(tuple, wxyz_from_matrix(R_world_camera).tolist())),
    )
    (segment,) = cut(build(detect(seen, missing=range(20, 26)), Sidecar(camera_poses=poses)))
    positions = segment.arms["right"].T_world_ee[:, :3, 3]
    assert segment.world_valid.all()
    # The camera comes nearer by a decimetre, of which the fit, which expects less of a hand, holds back millimetres.
    np.testing.assert_allclose(positions, positions[:1].repeat(len(positions), axis=0), atol=8e-3)


def test_without_a_known_camera_the_arms_are_in_the_camera_and_say_so() -> None:
    truth = right_hand_in_camera()
    (segment,) = cut(build(detect(truth), sidecar=None))
    assert segment.world_frame == "camera"
    assert not segment.world_valid.any()
    assert np.isnan(segment.T_world_camera).all()
    np.testing.assert_allclose(segment.arms["right"].T_world_ee, palm_frame(truth[::2], "right"), atol=1.5e-2)


def test_where_the_cameras_pose_is_missing_so_is_the_arm() -> None:
    poses = CameraPoses(world="gravity", timestamp_ns=(0, 10**9), position=((0, 0, 0),) * 2, wxyz=((1, 0, 0, 0),) * 2)
    stamps = timestamps(NUM_FRAMES)
    near = Sidecar(camera_poses=poses.model_copy(update={"timestamp_ns": (0, 300_000_000)}))
    tracks = build(detect(right_hand_in_camera()), near)
    np.testing.assert_array_equal(tracks.arms["right"].valid, stamps <= 300_000_000)


def test_no_hands_give_no_episodes() -> None:
    assert cut(build([[] for _ in range(NUM_FRAMES)])) == []


def test_the_pinch_rule_puts_the_end_effector_between_the_fingertips() -> None:
    settings = TrackSettings(retarget=RetargetSettings(ee_rule="pinch"))
    tracks = build_tracks(timestamps(NUM_FRAMES), detect(right_hand_in_camera()), CAMERA, STATIC, settings)
    arm = tracks.arms["right"]
    assert arm.hand is not None
    tips = arm.hand.landmarks_camera[:, [4, 8]].mean(axis=1)
    np.testing.assert_allclose(arm.T_world_ee[:, :3, 3], tips, atol=1e-9)


@settings(max_examples=40)
@given(st.lists(st.booleans(), min_size=0, max_size=80), st.floats(0.0, 0.5), st.floats(0.3, 3.0))
def test_spans_cover_what_is_tracked_and_begin_and_end_with_it(
    tracked: list[bool], max_gap_s: float, max_length_s: float
) -> None:
    stamps = timestamps(len(tracked))
    settings = SegmentSettings(max_gap_s=max_gap_s, max_length_s=max_length_s)
    found = spans(stamps, np.array(tracked, dtype=bool), settings)
    for start, stop in found:
        assert stop - start >= 2
        assert stamps[stop - 1] - stamps[start] <= max_length_s * 1e9 + 1e8
        assert any(tracked[start:stop])
    assert all(stop <= start for (_, stop), (start, _) in pairwise(found))


def test_both_sides_are_always_there() -> None:
    (segment,) = cut(build(detect(right_hand_in_camera())))
    assert tuple(segment.arms) == SIDES
