from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from humandata.geometry import rotations

BATCH_SHAPES = [(), (1,), (5,), (2, 3), (0,)]
ROTVECS = arrays(np.float64, (3,), elements=st.floats(-3.0, 3.0))


def random_rotations(batch: tuple[int, ...], seed: int = 0) -> np.ndarray:
    num = int(np.prod(batch))
    return np.asarray(Rotation.random(num, rng=np.random.default_rng(seed)).as_matrix()).reshape(*batch, 3, 3)


PAIRS = [
    (rotations.wxyz_from_matrix, rotations.matrix_from_wxyz),
    (rotations.rot6d_from_matrix, rotations.matrix_from_rot6d),
    (rotations.rotvec_from_matrix, rotations.matrix_from_rotvec),
    (rotations.rpy_from_matrix, rotations.matrix_from_rpy),
]


@pytest.mark.parametrize("batch", BATCH_SHAPES)
@pytest.mark.parametrize(("encode", "decode"), PAIRS)
def test_each_encoding_is_undone_by_its_decoding(encode, decode, batch) -> None:  # type: ignore[no-untyped-def]
    R = random_rotations(batch)
    np.testing.assert_allclose(decode(encode(R)), R, atol=1e-9)


@pytest.mark.parametrize(("encode", "decode"), PAIRS)
def test_a_missing_rotation_stays_missing_and_spares_the_others(encode, decode) -> None:  # type: ignore[no-untyped-def]
    R = random_rotations((3,))
    R[1] = np.nan
    back = decode(encode(R))
    assert np.isnan(back[1]).all()
    np.testing.assert_allclose(back[[0, 2]], R[[0, 2]], atol=1e-9)


@given(ROTVECS)
def test_quaternions_have_unit_length_and_w_not_negative(rotvec: np.ndarray) -> None:
    wxyz = rotations.wxyz_from_matrix(rotations.matrix_from_rotvec(rotvec))
    assert wxyz[0] >= 0
    assert np.linalg.norm(wxyz) == pytest.approx(1.0)


def test_rot6d_is_the_first_two_columns() -> None:
    R = rotations.matrix_from_rpy([0.0, 0.0, np.pi / 2])
    np.testing.assert_allclose(rotations.rot6d_from_matrix(R), [0, 1, 0, -1, 0, 0], atol=1e-12)


def test_a_masked_rotation_decodes_to_nan_without_a_warning() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(rotations.matrix_from_rot6d(np.zeros((2, 6)))).all()


@given(arrays(np.float64, (6,), elements=st.floats(-5.0, 5.0)))
def test_any_six_numbers_a_network_gives_decode_to_a_rotation(rot6d: np.ndarray) -> None:
    if np.linalg.norm(np.cross(rot6d[:3], rot6d[3:])) < 1e-3:
        return
    R = rotations.matrix_from_rot6d(rot6d)
    np.testing.assert_allclose(R.T @ R, np.eye(3), atol=1e-9)
    assert np.linalg.det(R) == pytest.approx(1.0)


def test_xyzw_is_reordered() -> None:
    np.testing.assert_allclose(rotations.wxyz_from_xyzw([0.1, 0.2, 0.3, -0.9]), [0.9, -0.1, -0.2, -0.3])


@given(ROTVECS, ROTVECS, st.floats(0.0, 1.0))
def test_slerp_divides_the_angle_in_proportion(a: np.ndarray, b: np.ndarray, fraction: float) -> None:
    R_a, R_b = rotations.matrix_from_rotvec(a), rotations.matrix_from_rotvec(b)
    angle = rotations.angle_between(R_a, R_b)
    if angle > 3.1:  # the shortest way is not unique at pi
        return
    part = rotations.angle_between(R_a, rotations.slerp(R_a, R_b, fraction))
    assert part == pytest.approx(fraction * angle, abs=1e-6)


@given(ROTVECS, arrays(np.float64, (3, 3), elements=st.floats(-0.05, 0.05)))
def test_orthonormalize_gives_a_rotation_near_the_matrix(rotvec: np.ndarray, noise: np.ndarray) -> None:
    R = rotations.matrix_from_rotvec(rotvec)
    nearest = rotations.orthonormalize(R + noise)
    np.testing.assert_allclose(nearest.T @ nearest, np.eye(3), atol=1e-9)
    assert np.linalg.det(nearest) == pytest.approx(1.0)
    # it is the nearest one, so it cannot be further from the noisy matrix than R itself is
    assert np.linalg.norm(nearest - R - noise) <= np.linalg.norm(noise) + 1e-9


def test_a_wrong_shape_is_named() -> None:
    with pytest.raises(ValueError, match="4"):
        rotations.matrix_from_wxyz(np.zeros((2, 3)))
