"""A parallel-jaw gripper of the size of a Robotiq 2F-85, and the arm that carries it.

The tool frame is the shared end-effector frame: origin between the fingertips, z out of the tool, x closing direction.
The arm has the proportions of a Franka Panda (shoulder 0.333 m above the base, upper arm 0.316 m, forearm 0.384 m,
wrist 0.088 m beside and 0.107 m above the flange; Franka Control Interface documentation, Denavit-Hartenberg
parameters). It is there to be seen: its elbow is placed in the upright plane through shoulder and wrist.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from humandata.arrays import FloatArray
from humandata.geometry.transforms import make_transform
from humandata.studio.look import Color
from humandata.studio.mesh import Mesh, box, capsule, concatenate, cylinder, rotation_onto

FLANGE_Z_M = -0.145
SHOULDER_HEIGHT_M = 0.333
UPPER_ARM_M = 0.316
FOREARM_M = 0.384
WRIST_OFFSET_M = 0.088
WRIST_HEIGHT_M = 0.107

BLACK: Color = (0.03, 0.03, 0.033)
RUBBER: Color = (0.05, 0.05, 0.05)
STEEL: Color = (0.38, 0.38, 0.40)
WHITE: Color = (0.72, 0.73, 0.72)
GREY: Color = (0.22, 0.23, 0.25)

_HALF_TURN = np.diag([-1.0, -1.0, 1.0, 1.0])


def gripper_mesh(T_world_tool: FloatArray, opening_m: float) -> Mesh:
    """The gripper at a tool pose (4, 4), its fingertips `opening_m` metres apart."""
    palm, finger, knuckle = _gripper_parts()
    parts = [palm]
    for side in (-1.0, 1.0):
        middle = np.array([side * (opening_m / 2 + 0.014), 0.0, 0.0])
        turned = finger if side > 0 else finger.transformed(_HALF_TURN)
        hinge, joint = np.array([side * 0.038, 0.0, -0.085]), middle - np.array([0.0, 0.0, 0.040])
        parts += [turned.transformed(make_transform(np.eye(3), middle)), _spanning(knuckle, hinge, joint)]
    return concatenate(parts).transformed(T_world_tool)


def arm_mesh(T_world_base: FloatArray, T_world_tool: FloatArray) -> Mesh:
    """Pedestal, upper arm, forearm and wrist, from the base (4, 4) to the flange of a tool pose (4, 4)."""
    flange = T_world_tool[:3, 3] + FLANGE_Z_M * T_world_tool[:3, 2]
    shoulder = T_world_base[:3, 3] + SHOULDER_HEIGHT_M * T_world_base[:3, 2]
    above = flange - WRIST_HEIGHT_M * T_world_tool[:3, 2]
    back = shoulder - above
    back -= (back @ T_world_tool[:3, 2]) * T_world_tool[:3, 2]
    wrist = above + WRIST_OFFSET_M * back / np.linalg.norm(back)
    elbow = _elbow(shoulder, wrist)
    pedestal, upper_arm, forearm, wrist_link, hand_link = _arm_parts()
    return concatenate(
        [
            pedestal.transformed(T_world_base),
            _spanning(upper_arm, shoulder, elbow),
            _spanning(forearm, elbow, wrist),
            _spanning(wrist_link, wrist, above),
            _spanning(hand_link, above, flange),
        ]
    )


def _elbow(shoulder: FloatArray, wrist: FloatArray) -> FloatArray:
    """Where the two links meet, above the line from shoulder to wrist; on it when the wrist is out of reach."""
    reach = wrist - shoulder
    distance = float(np.linalg.norm(reach))
    along = (distance**2 + UPPER_ARM_M**2 - FOREARM_M**2) / (2.0 * distance)
    height = np.sqrt(max(UPPER_ARM_M**2 - along**2, 0.0))
    forward = reach / distance
    up = np.array([0.0, 0.0, 1.0]) - forward[2] * forward
    return np.asarray(shoulder + along * forward + height * up / np.linalg.norm(up))


@lru_cache(maxsize=1)
def _gripper_parts() -> tuple[Mesh, Mesh, Mesh]:
    """Palm in the tool frame; the finger at +x around the middle of its bar; the knuckle, along z from its hinge."""
    palm = [
        _at(box([0.075, 0.062, 0.055], BLACK, bevel=0.009, gloss=0.3), [0.0, 0.0, -0.100]),
        _at(cylinder(0.038, 0.03, STEEL, gloss=0.4), [0.0, 0.0, FLANGE_Z_M]),
    ]
    finger = [
        _at(box([0.010, 0.022, 0.038], RUBBER, bevel=0.002, gloss=0.05), [-0.009, 0.0, -0.007]),
        _at(box([0.012, 0.024, 0.050], STEEL, bevel=0.003, gloss=0.4), [0.0, 0.0, -0.020]),
    ]
    knuckle = _at(box([0.016, 0.030, 0.060], BLACK, bevel=0.004, gloss=0.3), [0.0, 0.0, 0.024])
    return concatenate(palm), concatenate(finger), knuckle


@lru_cache(maxsize=1)
def _arm_parts() -> tuple[Mesh, ...]:
    """Pedestal, upper arm, forearm, wrist link and hand link, each along z from its nearer end."""
    return (
        cylinder(0.085, SHOULDER_HEIGHT_M, WHITE, gloss=0.2),
        capsule(0.065, UPPER_ARM_M, WHITE, gloss=0.2),
        capsule(0.055, FOREARM_M, WHITE, gloss=0.2),
        capsule(0.050, WRIST_OFFSET_M, WHITE, gloss=0.2),
        cylinder(0.046, WRIST_HEIGHT_M, GREY, gloss=0.2),
    )


def _at(mesh: Mesh, position: ArrayLike) -> Mesh:
    return mesh.transformed(make_transform(np.eye(3), position))


def _spanning(link: Mesh, start: FloatArray, end: FloatArray) -> Mesh:
    """A link that lies along z from its origin, laid from one point (3,) towards another."""
    return link.transformed(make_transform(rotation_onto(end - start), start))
