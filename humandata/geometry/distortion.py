"""Lens distortion in the normalised image plane: what a lens makes of the point (x/z, y/z).

Coefficients have OpenCV's order and meaning, so those of its calibrations, Kalibr's and ROS's are used as they are. A
model holds up to the radius at which it would fold back on itself; beyond, and where it was never calibrated to reach,
there is no pixel and no ray, which is NaN.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import ClassVar, Literal

import numpy as np
from numpy.polynomial import Polynomial

from humandata.arrays import FloatArray

DistortionModel = Literal["brown", "kannala_brandt"]

MAX_ANGLE = np.radians(89.0)
"""From the optical axis: a point further out has no finite place in the normalised plane."""

_TABLE_SIZE = 2048
_NUM_NEWTON_STEPS = 12
_CONVERGED = 1e-9
"""Of the normalised plane: a millionth of a pixel at a focal length of 1000 px."""


@dataclass(frozen=True)
class BrownDistortion:
    """Radial and tangential (Brown 1966, Conrady 1919): OpenCV's k1, k2, p1, p2, k3 and its rational k4, k5, k6.

    x' = x (1 + k1 r² + k2 r⁴ + k3 r⁶) / (1 + k4 r² + k5 r⁴ + k6 r⁶) + 2 p1 x y + p2 (r² + 2 x²), and likewise y'.
    """

    k1: float
    k2: float
    p1: float
    p2: float
    k3: float = 0.0
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0

    model: ClassVar[DistortionModel] = "brown"

    @property
    def coefficients(self) -> tuple[float, ...]:
        """The eight numbers, in OpenCV's order."""
        return astuple(self)

    def distort(self, xy: FloatArray) -> FloatArray:
        """Where the lens puts points (..., 2) of the normalised plane; NaN outside the model's field."""
        return _within(xy, _brown(self, xy), _radial_table(self)[0][-1])

    def undistort(self, xy: FloatArray) -> FloatArray:
        """The inverse of `distort`, by Newton's method from the radial solution; NaN where there is no point."""
        radii, distorted_radii = _radial_table(self)
        points = _rescaled(xy, np.interp(_norm(xy), distorted_radii, radii, right=np.nan))
        for _ in range(_NUM_NEWTON_STEPS):
            a, b, c, d = _brown_jacobian(self, points)
            residual = _brown(self, points) - xy
            step = np.stack([d * residual[..., 0] - b * residual[..., 1], a * residual[..., 1] - c * residual[..., 0]])
            with np.errstate(divide="ignore", invalid="ignore"):
                points = points - np.moveaxis(step / (a * d - b * c), 0, -1)
        converged = np.abs(_brown(self, points) - xy).max(axis=-1, keepdims=True) < _CONVERGED
        return _within(points, np.where(converged, points, np.nan), radii[-1])


@dataclass(frozen=True)
class FisheyeDistortion:
    """Kannala-Brandt: OpenCV's fisheye model, θ' = θ (1 + k1 θ² + k2 θ⁴ + k3 θ⁶ + k4 θ⁸) for a ray θ off the axis.

    J. Kannala and S. S. Brandt, "A generic camera model and calibration method for conventional, wide-angle, and
    fish-eye lenses", PAMI 28(8), 2006. With all four zero it is the equidistant fisheye. What lies beside or
    behind the camera (θ ≥ 89°) has no place in the normalised plane, and is left out.
    """

    k1: float
    k2: float
    k3: float
    k4: float

    model: ClassVar[DistortionModel] = "kannala_brandt"

    @property
    def coefficients(self) -> tuple[float, ...]:
        """The four numbers, in OpenCV's order."""
        return astuple(self)

    def distort(self, xy: FloatArray) -> FloatArray:
        """Where the lens puts points (..., 2) of the normalised plane; NaN outside the model's field."""
        theta = np.arctan(_norm(xy))
        return _rescaled(xy, np.where(theta <= _angle_table(self)[0][-1], _fisheye(self)(theta), np.nan))

    def undistort(self, xy: FloatArray) -> FloatArray:
        """The inverse of `distort`, by Newton's method; NaN where there is no point."""
        angles, distorted_angles = _angle_table(self)
        wanted = _norm(xy)
        polynomial = _fisheye(self)
        theta = np.interp(wanted, distorted_angles, angles, right=np.nan)
        for _ in range(_NUM_NEWTON_STEPS):
            theta = np.clip(theta - (polynomial(theta) - wanted) / _slope(polynomial, theta), 0.0, angles[-1])
        converged = np.abs(polynomial(theta) - wanted) < _CONVERGED
        return _rescaled(xy, np.where(converged, np.tan(theta), np.nan))


Distortion = BrownDistortion | FisheyeDistortion

NUM_COEFFICIENTS: dict[DistortionModel, tuple[int, ...]] = {"brown": (4, 5, 8), "kannala_brandt": (4,)}
"""How many numbers each model takes; those left out are zero."""


def make_distortion(model: DistortionModel, coefficients: tuple[float, ...]) -> Distortion:
    """The distortion of a model's name and its coefficients in OpenCV's order, `NUM_COEFFICIENTS` of them."""
    return BrownDistortion(*coefficients) if model == "brown" else FisheyeDistortion(*coefficients)


def _brown(lens: BrownDistortion, xy: FloatArray) -> FloatArray:
    x, y = xy[..., 0], xy[..., 1]
    squared = x**2 + y**2
    numerator, denominator = _brown_radial(lens)
    radial = numerator(squared) / denominator(squared)
    return np.stack(
        [
            x * radial + 2 * lens.p1 * x * y + lens.p2 * (squared + 2 * x**2),
            y * radial + lens.p1 * (squared + 2 * y**2) + 2 * lens.p2 * x * y,
        ],
        axis=-1,
    )


def _brown_jacobian(lens: BrownDistortion, xy: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Derivatives of x' by x and y, and of y' by x and y, each (...)."""
    x, y = xy[..., 0], xy[..., 1]
    squared = x**2 + y**2
    numerator, denominator = _brown_radial(lens)
    radial = numerator(squared) / denominator(squared)
    slope = (numerator.deriv()(squared) - radial * denominator.deriv()(squared)) / denominator(squared)
    cross = 2 * x * y * slope + 2 * lens.p1 * x + 2 * lens.p2 * y
    return (
        radial + 2 * x**2 * slope + 2 * lens.p1 * y + 6 * lens.p2 * x,
        cross,
        cross,
        radial + 2 * y**2 * slope + 6 * lens.p1 * y + 2 * lens.p2 * x,
    )


def _brown_radial(lens: BrownDistortion) -> tuple[Polynomial, Polynomial]:
    """Numerator and denominator of the radial factor, in r²."""
    return Polynomial([1.0, lens.k1, lens.k2, lens.k3]), Polynomial([1.0, lens.k4, lens.k5, lens.k6])


def _fisheye(lens: FisheyeDistortion) -> Polynomial:
    return Polynomial([0.0, 1.0, 0.0, lens.k1, 0.0, lens.k2, 0.0, lens.k3, 0.0, lens.k4])


@lru_cache(maxsize=64)
def _radial_table(lens: BrownDistortion) -> tuple[FloatArray, FloatArray]:
    """Radii and distorted radii (N,), both increasing from 0 to the edge of the model's field."""
    numerator, denominator = _brown_radial(lens)
    squared = Polynomial([0.0, 1.0])
    # d(r N / D)/dr, times D²: it falls to zero where the model folds back.
    slope = (numerator + 2 * squared * numerator.deriv()) * denominator - 2 * squared * numerator * denominator.deriv()
    edge = min(_first_root(slope), _first_root(denominator))
    angles = np.linspace(0.0, min(MAX_ANGLE, float(np.arctan(np.sqrt(edge)))), _TABLE_SIZE)
    radii = np.tan(angles)
    return radii, np.asarray(radii * numerator(radii**2) / denominator(radii**2))


@lru_cache(maxsize=64)
def _angle_table(lens: FisheyeDistortion) -> tuple[FloatArray, FloatArray]:
    """Angles off the axis and distorted angles (N,), both increasing from 0 to the edge of the model's field."""
    polynomial = _fisheye(lens)
    angles = np.linspace(0.0, min(MAX_ANGLE, _first_root(polynomial.deriv())), _TABLE_SIZE)
    return angles, np.asarray(polynomial(angles))


def _first_root(polynomial: Polynomial) -> float:
    """The smallest positive real root; infinity where there is none."""
    roots = polynomial.trim().roots() if len(polynomial.trim().coef) > 1 else np.zeros(0)
    real = roots[np.abs(roots.imag) < 1e-9 * np.maximum(np.abs(roots), 1.0)].real
    return float(min(real[real > 0], default=np.inf))


def _slope(polynomial: Polynomial, at: FloatArray) -> FloatArray:
    return np.asarray(np.maximum(polynomial.deriv()(at), 1e-9))


def _norm(xy: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(xy, axis=-1))


def _rescaled(xy: FloatArray, radius: FloatArray) -> FloatArray:
    """Points (..., 2) moved along their own direction to a radius (...)."""
    return xy * (radius / np.maximum(_norm(xy), 1e-300))[..., None]


def _within(xy: FloatArray, result: FloatArray, max_radius: float) -> FloatArray:
    """`result` where the undistorted points (..., 2) lie within the field, else NaN."""
    return np.where(_norm(xy)[..., None] <= max_radius, result, np.nan)
