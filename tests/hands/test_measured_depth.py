from __future__ import annotations

from dataclasses import replace

import numpy as np
from hand_builders import CAMERA, detection, hand_of

from humandata.arrays import Float32Array, FloatArray
from humandata.geometry.cameras import Camera
from humandata.geometry.distortion import FisheyeDistortion
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import apply, invert, make_transform
from humandata.hands.estimator import HandDetection
from humandata.hands.stereo import StereoRig, triangulate, with_stereo_depth
from humandata.hands.surface_depth import HALF_THICKNESS_M, with_measured_depth
from humandata.schemas.landmarks import HandLandmark

HAND = hand_of("right") + [0.05, -0.02, 0.5]
RIG = StereoRig(
    first=CAMERA,
    second=Camera(fx=480.0, fy=480.0, cx=330.0, cy=235.0, width=640, height=480),
    T_first_second=make_transform(matrix_from_rotvec([0.02, -0.15, 0.01]), [0.12, 0.005, 0.01]),
)


def skin_map(width: int, height: int, background_m: float = 0.9) -> Float32Array:
    """A wall, and before it a disc of skin in front of each joint, as wide as a finger."""
    metres = np.full((height, width), background_m, np.float32)
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    camera = CAMERA.scaled(width, height)
    pixels = camera.project(HAND)
    for landmark in np.argsort(-HAND[:, 2]):  # the nearest is drawn last
        radius = 0.012 * camera.fx / HAND[landmark, 2]
        disc = (columns - pixels[landmark, 0]) ** 2 + (rows - pixels[landmark, 1]) ** 2 <= radius**2
        metres[disc] = HAND[landmark, 2] - HALF_THICKNESS_M[landmark]
    return metres


def measured(metres: Float32Array, hand: HandDetection | None = None) -> FloatArray:
    found = with_measured_depth(hand or detection(HAND, "right"), metres, CAMERA).landmarks_depth_m
    assert found is not None
    return found


def test_the_map_tells_the_depth_of_the_joints_behind_the_skin_at_any_size() -> None:
    for width, height in ((640, 480), (320, 240), (1280, 960)):
        depth = measured(skin_map(width, height))
        assert np.isfinite(depth).sum() >= 18  # neighbours may cover one another's discs
        # the rays are up to 15 degrees off the axis, along which the skin is nearer by its cosine; discs may overlap
        np.testing.assert_allclose(depth[np.isfinite(depth)], HAND[np.isfinite(depth), 2], atol=0.006)


def test_holes_edges_and_the_world_outside_the_picture_are_not_measured() -> None:
    metres = skin_map(640, 480)
    pixels = np.round(CAMERA.project(HAND)).astype(int)
    tip, wrist = pixels[HandLandmark.INDEX_TIP], pixels[HandLandmark.WRIST]
    metres[tip[1] - 8 : tip[1] + 9, tip[0] - 8 : tip[0] + 9] = np.nan
    metres[:, wrist[0] :] = np.where(
        metres[:, wrist[0] :] < 0.6, 0.9, metres[:, wrist[0] :]
    )  # an edge through the wrist
    hand = detection(HAND, "right")
    hand.landmarks_px[HandLandmark.PINKY_TIP] = [-20.0, 100.0]
    depth = measured(metres, hand)
    assert np.isnan(depth[[HandLandmark.INDEX_TIP, HandLandmark.WRIST, HandLandmark.PINKY_TIP]]).all()


def test_what_covers_a_finger_is_not_taken_for_it() -> None:
    metres = skin_map(640, 480)
    tip = np.round(CAMERA.project(HAND[HandLandmark.MIDDLE_TIP])).astype(int)
    metres[tip[1] - 15 : tip[1] + 16, tip[0] - 15 : tip[0] + 16] = 0.40  # a cup 10 cm in front of it
    depth = measured(metres)
    assert np.isnan(depth[HandLandmark.MIDDLE_TIP])
    assert np.isfinite(depth[HandLandmark.MIDDLE_MCP])


def test_a_map_that_saw_no_hand_leaves_the_detection_as_it_was() -> None:
    hand = detection(HAND, "right")
    assert with_measured_depth(hand, np.full((240, 320), np.nan, np.float32), CAMERA) is hand


def seen_by_second(landmarks: FloatArray, rig: StereoRig = RIG) -> HandDetection:
    in_second = apply(invert(rig.T_first_second), landmarks)
    return HandDetection("right", 0.9, rig.second.project(in_second), in_second - in_second.mean(axis=0))


def test_two_views_tell_depth_exactly_through_any_lens() -> None:
    fisheye = replace(RIG, second=replace(RIG.second, distortion=FisheyeDistortion(0.05, 0.0, 0.0, 0.0)))
    for rig in (RIG, fisheye):
        points, error_px = triangulate(CAMERA.project(HAND), seen_by_second(HAND, rig).landmarks_px, rig)
        np.testing.assert_allclose(points, HAND, atol=1e-7)
        assert error_px.max() < 1e-3


def test_hands_are_paired_by_geometry_where_sides_agree_or_not() -> None:
    other = hand_of("left") + [-0.12, 0.03, 0.55]
    first = [detection(HAND, "right"), detection(other, "left")]
    second = [replace(seen_by_second(other), side="left"), seen_by_second(HAND)]
    for views in (second, [second[0], replace(second[1], side="left")]):  # the second view misjudges a side
        found = with_stereo_depth(first, views, RIG)
        for hand, landmarks in zip(found, (HAND, other), strict=True):
            assert hand.landmarks_depth_m is not None
            np.testing.assert_allclose(hand.landmarks_depth_m, landmarks[:, 2], atol=1e-6)


def test_landmarks_that_do_not_meet_are_not_measured_and_hands_that_do_not_are_no_pair() -> None:
    second = seen_by_second(HAND)
    second.landmarks_px[HandLandmark.THUMB_TIP] += [0.0, 12.0]  # off its epipolar line
    [hand] = with_stereo_depth([detection(HAND, "right")], [second], RIG)
    assert hand.landmarks_depth_m is not None
    assert np.isnan(hand.landmarks_depth_m[HandLandmark.THUMB_TIP])
    assert np.isfinite(hand.landmarks_depth_m).sum() == 20
    elsewhere = seen_by_second(HAND + [0.0, 0.2, 0.0])
    [alone] = with_stereo_depth([detection(HAND, "right")], [elsewhere], RIG)
    assert alone.landmarks_depth_m is None
    assert with_stereo_depth([], [second], RIG) == ()
