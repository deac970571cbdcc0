"""A camera on the demonstrator's head: above and behind the hands, still or swaying as a head does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform

_MEAN_EYE_M = (-0.27, 0.0, 0.58)
_MEAN_TARGET_M = (0.06, 0.0, 0.02)


@dataclass(frozen=True)
class HeadCamera:
    """Where the camera is over time.

    It looks from `eye_m` (3,) to `target_m` (3,) in the world, and sways by a sum of sines: shift_m and turn_rad
    (S, 3) are amplitudes, in the world and in the camera frame, of frequency_hz (S,) and phase_rad (S, 2, 3). S = 0 is
    a camera that stands still.
    """

    camera: Camera
    eye_m: FloatArray
    target_m: FloatArray
    shift_m: FloatArray
    turn_rad: FloatArray
    frequency_hz: FloatArray
    phase_rad: FloatArray

    @property
    def moving(self) -> bool:
        """Whether the head sways at all."""
        return len(self.frequency_hz) > 0

    def at(self, time_s: FloatArray) -> FloatArray:
        """T_world_camera (T, 4, 4) at times (T,)."""
        cycles = self.frequency_hz[:, None] * time_s
        wave = np.sin(2.0 * np.pi * cycles[:, None, None, :] + self.phase_rad[..., None])
        shift = np.einsum("sk,skt->tk", self.shift_m, wave[:, 0])
        turn = np.einsum("sk,skt->tk", self.turn_rad, wave[:, 1])
        R = look_at_rotation(self.eye_m, self.target_m) @ matrix_from_rotvec(turn)
        return make_transform(R, self.eye_m + shift)


def sample_head_camera(rng: np.random.Generator, moving: bool, width: int = 640, height: int = 480) -> HeadCamera:
    """Draw a camera of 68 to 76 degrees horizontal field of view.

    A moving one sways by a few centimetres and degrees, below 0.6 Hz.
    """
    fov = np.radians(rng.uniform(68.0, 76.0))
    eye = np.array(_MEAN_EYE_M) + rng.uniform(-1.0, 1.0, 3) * [0.03, 0.03, 0.04]
    target = np.array(_MEAN_TARGET_M) + rng.uniform(-1.0, 1.0, 3) * [0.02, 0.02, 0.0]
    count = 3 if moving else 0
    frequency = rng.uniform(0.12, 0.6, count)
    # Slow sways are wide and quick ones small, as in the spectra of standing and reaching people.
    size = (0.2 / frequency)[:, None]
    return HeadCamera(
        camera=Camera.from_horizontal_fov(float(fov), width, height),
        eye_m=eye,
        target_m=target,
        shift_m=size * rng.uniform(0.006, 0.014, (count, 3)),
        turn_rad=size * np.radians(rng.uniform(0.5, 1.4, (count, 3))),
        frequency_hz=frequency,
        phase_rad=rng.uniform(0.0, 2.0 * np.pi, (count, 2, 3)),
    )


def look_at_rotation(eye_m: FloatArray, target_m: FloatArray) -> FloatArray:
    """R_world_camera (3, 3) of a level camera at `eye_m` whose z points at `target_m`."""
    z = (target_m - eye_m) / np.linalg.norm(target_m - eye_m)
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(z, x), z], axis=1)
