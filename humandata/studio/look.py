"""How a capture looks: its lights, its surroundings and its sensor, drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Color = tuple[float, float, float]
"""Linear RGB."""


@dataclass(frozen=True)
class Look:
    """Lights, surroundings and sensor of one capture.

    `key_direction` and `fill_direction` are unit vectors in the world, towards the light. `key_spread_rad` is the half
    angle under which the key light is seen, which softens its shadow. Intensities are those of a white surface that
    faces the light; `exposure` scales the sum. `noise_sigma` is the standard deviation of the sensor's noise at
    mid-grey in 8-bit steps, `blur_px` that of the lens. `seed` fixes the noise and the surroundings.
    """

    key_direction: Color
    key_color: Color
    key_spread_rad: float
    fill_direction: Color
    fill_color: Color
    ambient_color: Color
    wall_color: Color
    floor_color: Color
    exposure: float
    noise_sigma: float
    blur_px: float
    seed: int


def sample_look(rng: np.random.Generator) -> Look:
    """Draw a look: lamp or daylight from anywhere above, a wall and a floor, a camera with some noise."""
    azimuth = rng.uniform(0.0, 2.0 * np.pi)
    warmth = rng.uniform(-1.0, 1.0)
    key = rng.uniform(0.55, 0.8)
    ambient = rng.uniform(0.22, 0.34)
    return Look(
        key_direction=_direction(azimuth, rng.uniform(0.8, 1.3)),
        key_color=_tinted(key, warmth),
        key_spread_rad=rng.uniform(0.04, 0.16),
        fill_direction=_direction(azimuth + rng.uniform(2.0, 4.3), rng.uniform(0.4, 1.0)),
        fill_color=_tinted(rng.uniform(0.1, 0.25), -0.5 * warmth),
        ambient_color=_tinted(ambient, -0.3 * warmth),
        wall_color=_tinted(rng.uniform(0.15, 0.6), rng.uniform(-1.0, 1.0)),
        floor_color=_tinted(rng.uniform(0.05, 0.25), rng.uniform(-1.0, 1.5)),
        exposure=rng.uniform(0.85, 1.1),
        noise_sigma=rng.uniform(1.0, 3.0),
        blur_px=rng.uniform(0.4, 0.7),
        seed=int(rng.integers(2**31)),
    )


def _direction(azimuth: float, elevation: float) -> Color:
    flat = np.cos(elevation)
    return (float(flat * np.cos(azimuth)), float(flat * np.sin(azimuth)), float(np.sin(elevation)))


def _tinted(intensity: float, warmth: float) -> Color:
    """A light of this intensity, reddish for a warmth of 1 and bluish for -1."""
    return (intensity * (1.0 + 0.12 * warmth), intensity, intensity * (1.0 - 0.16 * warmth))
