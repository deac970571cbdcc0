"""The geometry of networks that see one crop of one hand: what they say, put into the image and before the camera.

The network here is a perfect one: it is made from the truth, so that the truth must come back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import pytest
from hand_builders import hand_of, right_hand
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import least_squares

from humandata.arrays import FloatArray
from humandata.geometry.cameras import Camera
from humandata.geometry.distortion import BrownDistortion
from humandata.geometry.rotations import matrix_from_rotvec, turn_z_towards
from humandata.hands.crops import CROP_PX, Crop, crop_around, cut
from humandata.hands.reconstruction import Reconstruction, to_detection
from humandata.schemas.landmarks import SIDES, Side

PLAIN = Camera(fx=520.0, fy=520.0, cx=319.5, cy=239.5, width=640, height=480)
CAMERAS = {
    "plain": PLAIN,
    "off-centre principal point": replace(PLAIN, cx=250.0, cy=300.0),
    "pixels that are not square": replace(PLAIN, fy=610.0),
    "wide": Camera.from_horizontal_fov(np.radians(110.0), 640, 480),
    "barrel distortion": replace(PLAIN, distortion=BrownDistortion(-0.25, 0.06, 0.001, -0.001)),
}
DIRECTIONS = {"ahead": (0.0, 0.0), "to the left": (-0.45, 0.1), "in a corner": (0.5, 0.36)}
HAMER_FOCAL_OVER_SIDE = 5000.0 / 256.0
"""Focal length that HaMeR assumes, in sides of its crop: nearly an orthographic camera."""


@dataclass(frozen=True)
class Truth:
    landmarks: FloatArray
    R_camera_hand: FloatArray
    camera: Camera
    side: Side

    @property
    def pixels(self) -> FloatArray:
        return self.camera.project(self.landmarks)


def truth_of(side: Side, camera: Camera, direction: tuple[float, float], z: float = 0.5, turn: float = 0.5) -> Truth:
    """A hand in a direction (x, y, 1), turned every way."""
    R_camera_hand = matrix_from_rotvec(np.array([0.4, -0.7, 0.3]) * turn)
    landmarks = hand_of(side) @ R_camera_hand.T + np.array([*direction, 1.0]) * z
    return Truth(landmarks, R_camera_hand, camera, side)


def seen_by_network(truth: Truth, crop: Crop, pixels: FloatArray) -> Reconstruction:
    """What a perfect network says of a crop of the truth, if it sees the landmarks at `pixels` (21, 2) of the image."""
    R_camera_crop = turn_z_towards(truth.camera.unproject(crop.center_px, np.array(1.0)))
    mirror = np.array([-1.0, 1.0, 1.0]) if truth.side == "left" else np.ones(3)
    R_crop_hand = np.diag(mirror) @ R_camera_crop.T @ truth.R_camera_hand @ np.diag(mirror)
    anywhere = np.array([0.3, -0.2, 7.0])
    return Reconstruction(
        landmarks_crop=(pixels - crop.center_px) / crop.size_px * mirror[:2],
        landmarks_m=right_hand() @ R_crop_hand.T + anywhere,
        global_orient=R_crop_hand,
        hand_pose=matrix_from_rotvec(np.full((15, 3), [0.1, 0.2, 0.3])),
        betas=np.arange(10.0),
    )


def in_hamer_camera(landmarks_m: FloatArray, pred_cam: FloatArray) -> FloatArray:
    """Landmarks in the crop as HaMeR projects them, given its (scale, x, y)."""
    scale, x, y = pred_cam
    points = landmarks_m + [x, y, 2.0 * HAMER_FOCAL_OVER_SIDE / scale]
    return np.asarray(HAMER_FOCAL_OVER_SIDE * points[:, :2] / points[:, 2:])


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("camera", CAMERAS.values(), ids=CAMERAS)
@pytest.mark.parametrize("side", SIDES)
def test_what_a_perfect_network_says_is_the_truth(side: Side, camera: Camera, direction: tuple[float, float]) -> None:
    truth = truth_of(side, camera, direction)
    crop = crop_around(truth.pixels, side)
    found = to_detection(seen_by_network(truth, crop, truth.pixels), crop, side, 0.9, camera)
    assert found.landmarks_camera is not None
    np.testing.assert_allclose(found.landmarks_px, truth.pixels, atol=1e-6)
    np.testing.assert_allclose(found.landmarks_camera, truth.landmarks, atol=1e-6)
    np.testing.assert_allclose(camera.project(found.landmarks_camera), found.landmarks_px, atol=1e-3)
    assert (found.side, found.score) == (side, 0.9)
    assert found.mano is not None
    hand = hand_of(side) @ matrix_from_rotvec(found.mano.global_orient).T
    np.testing.assert_allclose(hand - hand[0], truth.landmarks - truth.landmarks[0], atol=1e-6)


@pytest.mark.parametrize("direction", DIRECTIONS.values(), ids=DIRECTIONS)
@pytest.mark.parametrize("side", SIDES)
def test_the_weak_perspective_of_hamer_costs_little(side: Side, direction: tuple[float, float]) -> None:
    """HaMeR's 2D landmarks are its 3D ones seen from afar. Even those best for the truth miss it by the perspective
    within the hand, which is 0.1 m deep here at 0.5 m; the distance then comes out within 3 %."""
    truth = truth_of(side, CAMERAS["wide"], direction)
    crop = crop_around(truth.pixels, side)
    weak, _ = as_hamer_says(seen_by_network(truth, crop, truth.pixels))
    found = to_detection(weak, crop, side, 0.9, truth.camera)
    assert found.landmarks_camera is not None
    extent_px = np.linalg.norm(np.ptp(truth.pixels, axis=0))
    landed = np.linalg.norm(truth.camera.project(found.landmarks_camera) - found.landmarks_px, axis=1)
    assert np.sqrt(np.mean(landed**2)) < 0.03 * extent_px
    miss = np.linalg.norm(found.landmarks_camera - truth.landmarks, axis=1)
    assert miss.max() < 0.03 * np.linalg.norm(truth.landmarks.mean(axis=0))


def as_hamer_says(exact: Reconstruction, origin: FloatArray | None = None) -> tuple[Reconstruction, FloatArray]:
    """The same with 2D landmarks as HaMeR's camera sees the 3D ones, and the (scale, x, y) that fit best.

    HaMeR was trained so that these fit the true ones. The 3D ones are about `origin`, or about the wrist.
    """
    about_origin = replace(exact, landmarks_m=exact.landmarks_m - (exact.landmarks_m[0] if origin is None else origin))

    def residuals(pred_cam: FloatArray) -> FloatArray:
        return (in_hamer_camera(about_origin.landmarks_m, pred_cam) - exact.landmarks_crop).ravel()

    pred_cam = np.asarray(least_squares(residuals, [5.0, 0.0, 0.0]).x)
    return replace(about_origin, landmarks_crop=in_hamer_camera(about_origin.landmarks_m, pred_cam)), pred_cam


@pytest.mark.parametrize(
    ("direction", "formula_mm"), list(zip(DIRECTIONS.values(), (2, 20, 20), strict=True)), ids=DIRECTIONS
)
def test_it_is_nearer_to_the_truth_than_the_published_formula(
    direction: tuple[float, float], formula_mm: float
) -> None:
    """The formula knows neither the turn of the crop's axes nor the perspective within the hand."""
    truth = truth_of("right", PLAIN, direction)
    crop = crop_around(truth.pixels, "right")
    exact = seen_by_network(truth, crop, truth.pixels)
    seen, (scale, x, y) = as_hamer_says(exact, origin=exact.landmarks_m.mean(axis=0))
    found = to_detection(seen, crop, "right", 0.9, PLAIN)
    assert found.landmarks_camera is not None
    side = scale * crop.size_px
    shift = 2.0 * (crop.center_px - [PLAIN.cx, PLAIN.cy]) / side
    by_formula = seen.landmarks_m + [x + shift[0], y + shift[1], 2.0 * PLAIN.fx / side]
    assert mean_error(found.landmarks_camera, truth.landmarks) < 2e-3
    assert mean_error(by_formula, truth.landmarks) > formula_mm * 1e-3


def mean_error(a: FloatArray, b: FloatArray) -> float:
    return float(np.linalg.norm(a - b, axis=-1).mean())


def test_straight_ahead_and_far_away_it_is_the_published_formula() -> None:
    """tz = 2 f / (s b), tx = x + 2 (cx - W / 2) / (s b), with the crop's side b in pixels and f the real one."""
    truth = truth_of("right", PLAIN, (0.0, 0.0), z=4.0, turn=0.1)
    crop = crop_around(truth.pixels, "right")
    seen, (scale, x, y) = as_hamer_says(seen_by_network(truth, crop, truth.pixels))
    found = to_detection(seen, crop, "right", 0.9, PLAIN)
    assert found.landmarks_camera is not None
    side = scale * crop.size_px
    shift = 2.0 * (crop.center_px - [PLAIN.cx, PLAIN.cy]) / side
    np.testing.assert_allclose(
        found.landmarks_camera[0], [x + shift[0], y + shift[1], 2.0 * PLAIN.fx / side], rtol=0.01, atol=2e-3
    )


def test_without_a_camera_there_is_no_place_but_all_else() -> None:
    truth = truth_of("left", PLAIN, (0.2, 0.1))
    crop = crop_around(truth.pixels, "left")
    found = to_detection(seen_by_network(truth, crop, truth.pixels), crop, "left", 0.9, None)
    assert found.landmarks_camera is None
    np.testing.assert_allclose(found.landmarks_px, truth.pixels, atol=1e-6)
    np.testing.assert_allclose(found.landmarks_hand.mean(axis=0), 0.0, atol=1e-9)


def test_a_hand_that_would_be_behind_the_camera_has_no_place() -> None:
    truth = truth_of("right", PLAIN, (0.0, 0.0))
    crop = crop_around(truth.pixels, "right")
    inside_out = replace(
        seen_by_network(truth, crop, truth.pixels), landmarks_crop=-(truth.pixels - crop.center_px) / crop.size_px
    )
    assert to_detection(inside_out, crop, "right", 0.9, PLAIN).landmarks_camera is None


@pytest.mark.parametrize("side", SIDES)
def test_a_crop_shows_what_its_geometry_says(side: Side) -> None:
    """A dot in the image is found in the crop where `to_image` says that it came from."""
    pixels = truth_of(side, PLAIN, (0.3, -0.2)).pixels
    crop = crop_around(pixels, side)
    for point in np.round(pixels[[0, 4, 20]]):
        image = np.zeros((480, 640, 3), np.uint8)
        cv2.circle(image, tuple(point.astype(int)), 3, (255, 255, 255), -1)
        picture = cut(image, crop)[..., 0].astype(float)
        v, u = (np.indices(picture.shape) * picture).sum(axis=(1, 2)) / picture.sum()
        np.testing.assert_allclose(crop.to_image(np.array([u, v]) / CROP_PX - 0.5), point, atol=0.1)


def test_a_crop_holds_the_whole_hand_within_the_columns_that_the_network_sees() -> None:
    pixels = truth_of("right", PLAIN, (0.1, 0.1)).pixels
    wide = pixels * [2.0, 0.5]
    for landmarks in (pixels, wide):
        crop = crop_around(landmarks, "right")
        inside = np.abs((landmarks - crop.center_px) / crop.size_px)
        assert (inside[:, 0] <= 0.25 * 192 / 256 + 1e-9).all()
        assert (inside[:, 1] <= 0.25 + 1e-9).all()


@given(st.integers(-400, 900), st.integers(-400, 900), st.integers(0, 3000))
def test_a_crop_of_anywhere_is_a_picture(x: int, y: int, size: int) -> None:
    landmarks = np.array([[x, y]] * 20 + [[x + size, y + size]], dtype=float)
    assert cut(np.full((48, 64, 3), 200, np.uint8), crop_around(landmarks, "left")).shape == (CROP_PX, CROP_PX, 3)
