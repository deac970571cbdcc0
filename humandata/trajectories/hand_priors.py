"""What is likely of a hand before it is looked at: joint angles, sizes, proportions, and how fast it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray
from humandata.trajectories.hand_model import NUM_ANGLES


def _deg(thumb: tuple[float, ...], finger: tuple[float, ...]) -> FloatArray:
    return np.asarray(np.radians([*thumb, *finger * 4]))


ANGLE_MEAN = _deg((-12.0, 4.0, 20.0, 20.0, -18.0), (0.0, 31.0, 42.0, 28.0))
"""(21,) A hand at work: fingers half bent, the thumb half turned to face them. Where the picture leaves it open, a bent
finger of a large hand looks like a straight one of a small hand: 10 degrees a joint shift the depth by a tenth."""
ANGLE_SD = _deg((20.0, 18.0, 20.0, 25.0, 22.0), (8.0, 38.0, 38.0, 22.0))
ANGLE_MIN = _deg((-45.0, -45.0, -15.0, -20.0, -50.0), (-22.0, -25.0, -5.0, -10.0))
ANGLE_MAX = _deg((45.0, 45.0, 60.0, 80.0, 40.0), (22.0, 95.0, 110.0, 80.0))
"""Limits of active motion, widened by some degrees: norms of the American Academy of Orthopaedic Surgeons (finger
knuckle 90, middle joint 100, last joint 70 to 80 degrees; thumb 50 and 80)."""
LIMIT_SD = np.radians(4.0)
"""How softly the limits are held."""

MIDDLE_JOINTS = np.array([7, 11, 15, 19])
LAST_JOINTS = MIDDLE_JOINTS + 1
COUPLING = 2.0 / 3.0
"""Last joint over middle joint of a finger: one tendon bends both (Rijpkema and Girard, "Computer animation of
knowledge-based human grasping", SIGGRAPH 1991)."""
COUPLING_SD = np.radians(12.0)

PALM_SD = 0.02
"""Of each coordinate of a knuckle or of the thumb's base, per hand length."""
PHALANX_SD = 0.08
"""Of the logarithm of a bone's length once the hand's length is known."""


@dataclass(frozen=True)
class Motion:
    """Standard deviation of the change over a second, as of a random walk: turn, shift and angles.

    Along the view a hand is known ten times less well than across it: there the prior is what a hand at work does,
    which comes nearer or goes by less than a decimetre in a second, and most of the rest is error.
    """

    turn_rad: float = 1.0
    shift_m: float = 0.3
    depth_m: float = 0.08
    angle_rad: float = 1.5

    @property
    def sd(self) -> FloatArray:
        """(27,) in the order of the pose: rotation, translation, angles."""
        shift = [self.shift_m, self.shift_m, self.depth_m]
        return np.concatenate([np.full(3, self.turn_rad), shift, np.full(NUM_ANGLES, self.angle_rad)])
