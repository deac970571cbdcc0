"""Which dimension of a state vector is what, by the names that a dataset gives them.

Understood are positions `x y z`; rotations as `roll pitch yaw` (URDF: Rz Ry Rx), as a quaternion (`qx qy qz qw`,
`quat_x` ... or, with all four, `rx ry rz rw`) or as a rotation vector (`axis_angle1..3`, `rotvec_x` ...); and
`gripper`, once, or twice for two fingers. Words that only say whose pose it is (`ee`, `tcp`,
`pos` ...) are passed over. `rx ry rz` alone is refused: robots disagree whether they are
angles or a rotation vector.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from humandata.arrays import FloatArray
from humandata.errors import InputError
from humandata.geometry.rotations import matrix_from_rotvec, matrix_from_rpy, matrix_from_wxyz, wxyz_from_xyzw
from humandata.geometry.transforms import make_transform

Dimension = tuple[str, int]
"""A feature's key and an index into its vector."""

RotationKind = Literal["rpy", "xyzw", "rotvec"]

_ROTATIONS: tuple[tuple[RotationKind, tuple[str, ...]], ...] = (
    ("xyzw", ("qx", "qy", "qz", "qw")),
    ("xyzw", ("rx", "ry", "rz", "rw")),
    ("rpy", ("roll", "pitch", "yaw")),
    ("rotvec", ("rotvec_x", "rotvec_y", "rotvec_z")),
)
_POSITION = ("x", "y", "z")
_PASSED_OVER = frozenset({"ee", "eef", "tcp", "pos", "position", "pose", "cartesian", "qpos", "state", "robot0"})
_FINGERS = frozenset({"gripper", "left_finger", "right_finger"})

MAX_POSITION_M = 10.0
"""No arm reaches so far: beyond it, the numbers are millimetres."""

MAX_ANGLE_RAD = 4 * np.pi
"""Unwrapped angles run past pi, but beyond two turns the numbers are degrees."""


@dataclass(frozen=True)
class StateMap:
    """Where the pose of the tool and the gripper's reading lie in a dataset's features."""

    position: tuple[Dimension, ...]
    rotation_kind: RotationKind
    rotation: tuple[Dimension, ...]
    gripper: tuple[Dimension, ...]

    @property
    def features(self) -> list[str]:
        """Keys of the features that are read."""
        return sorted({key for key, _ in (*self.position, *self.rotation, *self.gripper)})

    def tool_pose(self, values: Mapping[str, FloatArray], origin: str) -> FloatArray:
        """T_world_tool (T, 4, 4) of features (T, D) by key; NaN where a number is missing.

        Raises InputError, which names `origin`, where the numbers are in another unit or no rotation.
        """
        position = _gather(values, self.position)
        rotation = _gather(values, self.rotation)
        check_metres(position, origin)
        if self.rotation_kind == "xyzw":
            return make_transform(rotation_from_xyzw(rotation, origin), position)
        if self.rotation_kind == "rotvec":
            return make_transform(matrix_from_rotvec(rotation), position)
        if np.nanmax(np.abs(rotation), initial=0.0) > MAX_ANGLE_RAD:
            raise InputError(
                f"{origin}: angles of more than two turns: roll, pitch and yaw are in degrees, not radians. "
                "Convert the dataset; units are not guessed."
            )
        return make_transform(matrix_from_rpy(rotation), position)

    def gripper_reading(self, values: Mapping[str, FloatArray]) -> FloatArray:
        """Readings (T,) of features (T, D) by key; of two fingers, their distance."""
        fingers = _gather(values, self.gripper)
        return finger_distance(fingers) if fingers.shape[1] == 2 else fingers[:, 0]


def find_state(features: Mapping[str, Sequence[str]]) -> StateMap | None:
    """The map of features given by key with the names of their dimensions; None where no feature holds a pose.

    The pose comes from the first feature that holds all of it, the gripper from the same one or else from the first
    that has it.
    """
    roles = {key: [_role(name) for name in names] for key, names in features.items()}
    for key, found in roles.items():
        position = _find(key, found, _POSITION)
        rotations = [(kind, _find(key, found, names)) for kind, names in _ROTATIONS]
        rotation = next(((kind, dimensions) for kind, dimensions in rotations if dimensions), None)
        gripper = next((g for g in _grippers(key, roles) if 1 <= len(g) <= 2), None)
        if position and rotation and gripper:
            return StateMap(position, rotation[0], rotation[1], gripper)
    return None


def flatten_names(names: object) -> tuple[str, ...]:
    """Names in order, out of the shapes LeRobot features have them in: a list, nested lists, `{"motors": [...]}`, or
    indices by name; empty where there are none."""
    if isinstance(names, Mapping):
        if names and all(isinstance(index, int) for index in names.values()):
            return tuple(str(name) for name in sorted(names, key=lambda name: names[name]))
        return tuple(name for group in names.values() for name in flatten_names(group))
    if isinstance(names, (list, tuple)):
        return tuple(name for each in names for name in (flatten_names(each) if not isinstance(each, str) else (each,)))
    return ()


def rotation_from_xyzw(xyzw: FloatArray, origin: str) -> FloatArray:
    """R (T, 3, 3) of quaternions (T, 4); zero stands for missing.

    Any other length than 1 raises InputError, which names `origin`.
    """
    norm = np.linalg.norm(xyzw, axis=1)
    wrong = np.abs(norm - 1.0) > 0.05
    wrong &= norm > 1e-6
    if wrong.any():
        step = int(np.argmax(wrong))
        raise InputError(f"{origin}: a quaternion of length {norm[step]:.3g} at step {step}; a rotation's is 1.")
    return matrix_from_wxyz(wxyz_from_xyzw(np.where(norm[:, None] > 1e-6, xyzw, np.nan)))


def check_metres(position: FloatArray, origin: str) -> None:
    """Raise InputError, which names `origin`, where positions (T, 3) cannot be metres."""
    if np.nanmax(np.abs(position), initial=0.0) > MAX_POSITION_M:
        raise InputError(
            f"{origin}: positions beyond {MAX_POSITION_M:g} m from the base: they are not in metres. "
            "Convert the dataset; units are not guessed."
        )


def finger_distance(positions: FloatArray) -> FloatArray:
    """Distance (T,) of two fingers (T, 2) that slide apart from a common centre, whatever the sign of each."""
    return np.asarray(np.abs(positions).sum(axis=1))


def _role(name: str) -> str:
    words = [word for word in re.split(r"[^a-z0-9]+", name.lower()) if word]
    kept = [word for word in words if word not in _PASSED_OVER]
    role = "_".join(kept)
    if match := re.fullmatch(r"(?:q|quat|quaternion)_([wxyz])", role):
        return f"q{match[1]}"
    if match := re.fullmatch(r"(?:axis_angle|rotvec)_?([123xyz])", role):
        return f"rotvec_{match[1].translate(str.maketrans('123', 'xyz'))}"
    return re.sub(r"^gripper_\d$", "gripper", role)


def _find(key: str, roles: Sequence[str], wanted: Sequence[str]) -> tuple[Dimension, ...]:
    """The dimensions of the wanted roles; none where one is missing or there twice."""
    if any(roles.count(role) != 1 for role in wanted):
        return ()
    return tuple((key, roles.index(role)) for role in wanted)


def _grippers(first: str, roles: Mapping[str, Sequence[str]]) -> Iterator[tuple[Dimension, ...]]:
    for key in (first, *(key for key in roles if key != first)):
        yield tuple((key, index) for index, role in enumerate(roles[key]) if role in _FINGERS)


def _gather(values: Mapping[str, FloatArray], dimensions: Sequence[Dimension]) -> FloatArray:
    return np.stack([values[key][:, index] for key, index in dimensions], axis=1)
