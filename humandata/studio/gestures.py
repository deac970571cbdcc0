"""Hands that do nothing in particular: they reach and turn about a place, while the fingers open, close and curl.

A gesture is a sum of slow sines, so that any stretch of it is smooth; the hand is carried by its forearm, so that the
wrist bends no further than the gesture says.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform
from humandata.schemas.landmarks import Side
from humandata.studio.hand_pose import pinch_angles
from humandata.studio.hand_skeleton import NUM_DOF, Dof, bone_transforms
from humandata.studio.human import ELBOW_M, HandTrack, Person, hand_track, mirror

_IDLE_FINGERS = [Dof.MIDDLE_MCP, Dof.MIDDLE_PIP, Dof.RING_MCP, Dof.RING_PIP, Dof.PINKY_MCP, Dof.PINKY_PIP]
_WAVES = 3


@dataclass(frozen=True)
class Gesture:
    """How a right hand moves in the world; a left one does the mirror image. Metres, radians, hertz.

    The wrist stays within `reach_m` of `centre_m`. `supination_rad` turns the palm: 0 is down, a quarter turn has the
    thumb up. `turn_rad` are the greatest deviation, flexion and further supination either way. The pinch goes through
    `aperture_m` and the other fingers curl by up to `curl_rad` at either joint. Everything moves at about `tempo_hz`.
    """

    centre_m: tuple[float, float, float] = (-0.02, -0.13, 0.14)
    reach_m: tuple[float, float, float] = (0.07, 0.05, 0.04)
    supination_rad: float = 0.2
    turn_rad: tuple[float, float, float] = (0.2, 0.4, 0.4)
    aperture_m: tuple[float, float] = (0.02, 0.095)
    curl_rad: tuple[float, float] = (-0.45, 0.45)
    tempo_hz: float = 0.5
    elbow_m: tuple[float, float, float] = ELBOW_M["right"]


def gesture_hand(
    side: Side, person: Person, gesture: Gesture, time_s: FloatArray, rng: np.random.Generator
) -> HandTrack:
    """The hand at times (T,); `rng` draws the phases."""
    wrist = np.array(gesture.centre_m) + _waves(time_s, 3, gesture.tempo_hz, rng) * gesture.reach_m
    turn = _waves(time_s, 3, gesture.tempo_hz, rng) * gesture.turn_rad
    R_rest = _palm_down(wrist - gesture.elbow_m)
    R_supination = matrix_from_rotvec((gesture.supination_rad + turn[:, 2:]) * [0.0, 0.0, 1.0])
    R = R_rest @ R_supination @ matrix_from_rotvec(turn * [1.0, 1.0, 0.0])
    T_world_hand = make_transform(R, wrist)

    fingers = 0.5 + 0.5 * _waves(time_s, 2, 1.2 * gesture.tempo_hz, rng)
    aperture = _between(gesture.aperture_m, fingers[:, 0]) * person.hand.scale
    idle = np.zeros((len(time_s), NUM_DOF))
    idle[:, _IDLE_FINGERS] = _between(gesture.curl_rad, fingers[:, 1])[:, None]
    T_hand_bone = bone_transforms(pinch_angles(aperture, person.hand, person.curl + idle), person.hand)

    elbow = np.array(gesture.elbow_m)
    if side == "left":
        T_world_hand, elbow = mirror(T_world_hand), elbow * [1.0, -1.0, 1.0]
    return hand_track(side, person, T_hand_bone, T_world_hand, elbow)


def _waves(time_s: FloatArray, count: int, tempo_hz: float, rng: np.random.Generator) -> FloatArray:
    """Smooth random curves (T, count) within -1 and 1."""
    frequency = tempo_hz * rng.uniform(0.5, 1.3, (_WAVES, count))
    phase = rng.uniform(0.0, 2.0 * np.pi, (_WAVES, count))
    share = rng.uniform(0.3, 1.0, (_WAVES, count))
    sines = np.sin(2.0 * np.pi * frequency * time_s[:, None, None] + phase)
    return np.asarray(np.sum(sines * share / share.sum(axis=0), axis=1))


def _palm_down(forearm: FloatArray) -> FloatArray:
    """R_world_hand (T, 3, 3) of a right hand in line with the forearm (T, 3), its palm as far down as that allows."""
    z = forearm / np.linalg.norm(forearm, axis=-1, keepdims=True)
    down = np.array([0.0, 0.0, -1.0])
    x = down - (z @ down)[:, None] * z
    x /= np.linalg.norm(x, axis=-1, keepdims=True)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _between(limits: tuple[float, float], share: FloatArray) -> FloatArray:
    low, high = limits
    return low + (high - low) * share
