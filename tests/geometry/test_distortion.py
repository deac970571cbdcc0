from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from humandata.geometry.cameras import Camera
from humandata.geometry.distortion import BrownDistortion, Distortion, FisheyeDistortion, make_distortion

CAMERA = Camera(fx=600.0, fy=610.0, cx=318.0, cy=241.0, width=640, height=480)
LENSES: list[Distortion] = [
    BrownDistortion(0.0, 0.0, 0.0, 0.0),
    BrownDistortion(-0.28, 0.07, 0.0005, -0.001),  # a webcam: barrel
    BrownDistortion(0.12, -0.25, -0.001, 0.0004, 0.11),  # a phone: moustache
    BrownDistortion(0.6, -2.7, 0.0006, -0.0002, 1.6, 0.48, -2.5, 1.5),  # an Azure Kinect's colour camera
    FisheyeDistortion(0.0, 0.0, 0.0, 0.0),
    FisheyeDistortion(-0.013, 0.02, -0.012, 0.0023),  # a head camera of 150 degrees
]
SHORT = replace(CAMERA, fx=240.0, fy=245.0)
"""A wide camera: its corners are 56 degrees off the axis for a pinhole."""


@pytest.mark.parametrize("lens", LENSES)
@given(st.floats(0.0, 639.0), st.floats(0.0, 479.0), st.floats(0.05, 10.0))
def test_a_pixel_comes_back_from_its_point(lens: Distortion, x: float, y: float, z: float) -> None:
    camera = replace(CAMERA, distortion=lens)
    point = camera.unproject([x, y], z)
    np.testing.assert_allclose(point[2], z)
    np.testing.assert_allclose(camera.project(point), [x, y], atol=1e-5)


@pytest.mark.parametrize("lens", LENSES)
@given(st.floats(-0.35, 0.35), st.floats(-0.35, 0.35), st.floats(0.05, 10.0))
def test_a_point_comes_back_from_its_pixel(lens: Distortion, x: float, y: float, z: float) -> None:
    camera = replace(CAMERA, distortion=lens)
    point = np.array([x * z, y * z, z])
    np.testing.assert_allclose(camera.unproject(camera.project(point), z), point, atol=1e-7 * z)


@pytest.mark.parametrize("lens", LENSES)
def test_the_numbers_mean_what_they_mean_to_opencv(lens: Distortion) -> None:
    camera = replace(CAMERA, distortion=lens)
    xy = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 2))
    points = np.column_stack([xy, np.ones(50)])
    if isinstance(lens, FisheyeDistortion):
        expected, _ = cv2.fisheye.projectPoints(
            points[:, None], np.zeros(3), np.zeros(3), camera.K, np.array(lens.coefficients)
        )
    else:
        expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), camera.K, np.array(lens.coefficients))
    np.testing.assert_allclose(camera.project(points), np.asarray(expected)[:, 0], atol=1e-8)


def test_where_a_model_folds_back_there_is_neither_pixel_nor_ray() -> None:
    lens = BrownDistortion(-0.3, 0.0, 0.0, 0.0)  # r - 0.3 r^3 turns at r = 1.054, where it is 0.703
    camera = replace(SHORT, distortion=lens)
    points = np.array([[1.0, 0.0, 1.0], [1.1, 0.0, 1.0], [3.0, 0.0, 1.0]])
    assert np.isfinite(camera.project(points)).all(axis=-1).tolist() == [True, False, False]
    pixels = np.array([[SHORT.cx + 0.70 * SHORT.fx, SHORT.cy], [SHORT.cx + 0.71 * SHORT.fx, SHORT.cy]])
    rays = camera.unproject(pixels, 1.0)
    assert np.isfinite(rays[0]).all()
    assert np.isnan(rays[1, :2]).all()


def test_a_fisheye_sees_up_to_the_side_and_its_corners_see_nothing() -> None:
    camera = replace(
        Camera(fx=200.0, fy=200.0, cx=319.5, cy=239.5, width=640, height=480),
        distortion=FisheyeDistortion(0.0, 0.0, 0.0, 0.0),
    )
    for degrees in (1.0, 45.0, 85.0):
        ray = np.array([np.sin(np.radians(degrees)), 0.0, np.cos(np.radians(degrees))])
        np.testing.assert_allclose(camera.project(ray)[0] - camera.cx, 200.0 * np.radians(degrees))
    corner = camera.unproject([0.0, 0.0], 1.0)  # 400 px out: 114 degrees off the axis
    assert np.isnan(corner[:2]).all()


def test_the_centre_and_nothing_stay_what_they_are() -> None:
    for lens in LENSES:
        camera = replace(CAMERA, distortion=lens)
        np.testing.assert_allclose(camera.unproject([camera.cx, camera.cy], 2.0), [0.0, 0.0, 2.0], atol=1e-12)
        assert np.isnan(camera.project([[0.0, 0.0, -1.0], [np.nan] * 3])).all()
        assert np.isnan(camera.unproject([[np.nan, np.nan]], 1.0)[0, :2]).all()
        assert make_distortion(lens.model, lens.coefficients) == lens


@given(st.integers(1, 4000), st.integers(1, 3000))
def test_a_resized_image_shows_the_same_rays(width: int, height: int) -> None:
    camera = replace(CAMERA, distortion=LENSES[1])
    ray = camera.unproject([-0.5, -0.5], 1.0)
    np.testing.assert_allclose(camera.scaled(width, height).project(ray), [-0.5, -0.5], atol=1e-5)
