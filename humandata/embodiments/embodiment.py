"""What every embodiment declares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import FloatArray
from humandata.schemas.landmarks import Side


@dataclass(frozen=True)
class GripperRange:
    """What a dataset's gripper reading is when the gripper is closed and when it is open, and how wide open is.

    `closed` > `open` describes a reading that grows as the gripper closes.
    """

    closed: float
    open: float
    max_aperture_m: float

    def opening(self, reading: ArrayLike) -> FloatArray:
        """Gripper opening (...) in [0, 1], 1 = open, of readings (...) in the dataset's own unit and sign."""
        fraction = (np.asarray(reading, dtype=np.float64) - self.closed) / (self.open - self.closed)
        return np.asarray(np.clip(fraction, 0.0, 1.0))

    def reading(self, opening: ArrayLike) -> FloatArray:
        """Readings (...) in the dataset's own unit and sign of gripper openings (...); the inverse of `opening`."""
        return np.asarray(self.closed + np.asarray(opening, dtype=np.float64) * (self.open - self.closed))


@dataclass(frozen=True)
class Embodiment:
    """A body: which arms it has, and how its own tool frame and gripper reading relate to the shared ones.

    The shared EE axes are: z approach (out of the tool), x closing direction, y = z x x.
    """

    name: str
    kind: Literal["human", "robot"]
    arms: tuple[Side, ...]
    gripper: GripperRange
    T_tool_ee: FloatArray = field(default_factory=lambda: np.eye(4), compare=False)
    """(4, 4) maps coordinates in the shared EE frame to coordinates in the body's own tool frame."""
    aliases: tuple[str, ...] = ()
    """Names that datasets give this body (LeRobot `robot_type`, robosuite robot names), in lower case."""
