from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from humandata.geometry.cameras import Camera

CAMERA = Camera(fx=600.0, fy=610.0, cx=318.0, cy=241.0, width=640, height=480)


@given(st.floats(-1.0, 1.0), st.floats(-1.0, 1.0), st.floats(0.05, 10.0))
def test_unproject_inverts_project(x: float, y: float, z: float) -> None:
    point = np.array([x, y, z])
    np.testing.assert_allclose(CAMERA.unproject(CAMERA.project(point), z), point, atol=1e-9)


def test_a_point_behind_the_camera_has_no_pixel() -> None:
    assert np.isnan(CAMERA.project([[0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])).all()


@given(st.integers(1, 4000), st.integers(1, 3000))
def test_the_corner_of_the_image_stays_its_corner_when_scaled(width: int, height: int) -> None:
    # the outer corner of the top-left pixel is (-0.5, -0.5) in any size
    ray = CAMERA.unproject([-0.5, -0.5], 1.0)
    np.testing.assert_allclose(CAMERA.scaled(width, height).project(ray), [-0.5, -0.5], atol=1e-6)


def test_field_of_view_spans_the_outer_edges() -> None:
    camera = Camera.from_horizontal_fov(np.radians(90.0), 640, 480)
    edge = camera.unproject([639.5, 239.5], 1.0)
    np.testing.assert_allclose(np.arctan2(edge[0], edge[2]), np.radians(45.0))
