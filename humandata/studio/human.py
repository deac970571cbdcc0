"""A person at the table: hands that follow a planned motion or rest, as landmarks and as meshes in the world."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from humandata.arrays import FloatArray
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import apply, invert, make_transform
from humandata.schemas.landmarks import Side
from humandata.studio.hand_pose import hand_pose_at_tool, pinch_angles
from humandata.studio.hand_shape import Bone, HandShape, sample_hand_shape
from humandata.studio.hand_skeleton import NUM_DOF, Dof, bone_transforms, landmarks_from_bones
from humandata.studio.hand_skin import HandLook, dressed_vertices, sample_hand_look, skin_colors
from humandata.studio.hand_surface import hand_surface
from humandata.studio.mesh import Mesh
from humandata.studio.motion import HUMAN_STYLE, MotionStyle

PULP_DEPTH_M = 0.0065
"""How deep below the pad's surface a fingertip landmark lies, at the reference hand length."""

HAND_STYLE: MotionStyle = replace(
    HUMAN_STYLE,
    duration_s=(3.0, 4.2),
    heading_rad=(1.3, 1.55),
    tilt_rad=(0.5, 0.85),
    finger_room_m=(0.015, 0.035),
    max_opening_m=0.085,
)
"""The studio's human motion, for a pinch with the palm down: the thumb closes from behind and from the inside."""

_RAISE = np.zeros((4, 4))
_RAISE[2, 3] = 0.008
ELBOW_M: dict[Side, tuple[float, float, float]] = {"left": (-0.42, 0.30, 0.20), "right": (-0.42, -0.30, 0.20)}
"""Where a person at the table has the elbows, in the world."""
_WRIST_RANGE_RAD = {"flexion": (-1.1, 1.1), "deviation": (-0.4, 0.6)}
"""Flexion to extension, and radial to ulnar deviation (American Academy of Orthopaedic Surgeons, 1965)."""


@dataclass(frozen=True)
class Person:
    """One demonstrator, and `curl` (17,) rad: how this person holds the idle fingers."""

    hand: HandShape
    look: HandLook
    curl: FloatArray


@dataclass(frozen=True)
class HandTrack:
    """One hand at T instants, in the world.

    Bones are kept as a right hand's in the hand frame: T_hand_bone (T, 17, 4, 4). T_world_hand (T, 4, 4) is of the true
    side, so that y points away from a left thumb. landmarks_world is (T, 21, 3) in metres.
    """

    side: Side
    T_hand_bone: FloatArray
    T_world_hand: FloatArray
    landmarks_world: FloatArray


def sample_person(rng: np.random.Generator) -> Person:
    """Draw a hand, its looks and a habit of holding the idle fingers."""
    curl = np.zeros(NUM_DOF)
    curl[[Dof.MIDDLE_MCP, Dof.RING_MCP, Dof.PINKY_MCP]] = rng.normal(0.0, 0.10) + rng.normal(0.0, 0.05, 3)
    curl[[Dof.MIDDLE_PIP, Dof.RING_PIP, Dof.PINKY_PIP]] = rng.normal(0.0, 0.15) + rng.normal(0.0, 0.06, 3)
    curl[[Dof.RING_ABDUCTION, Dof.PINKY_ABDUCTION]] = rng.normal(0.0, 0.04, 2)
    return Person(sample_hand_shape(rng), sample_hand_look(rng), curl)


def pinching_hand(side: Side, person: Person, T_world_tool: FloatArray, opening_m: FloatArray) -> HandTrack:
    """The hand whose pinch frame follows T_world_tool (T, 4, 4), with `opening_m` (T,) between the pads of its tips."""
    scale = person.hand.scale
    aperture = opening_m + 2.0 * PULP_DEPTH_M * scale
    # The idle fingers open and close a little with the pinch.
    follow = np.clip((aperture / scale - 0.06) / 0.05, -1.0, 1.0)[:, None]
    idle = np.zeros(NUM_DOF)
    idle[[Dof.MIDDLE_MCP, Dof.RING_MCP, Dof.PINKY_MCP, Dof.MIDDLE_PIP, Dof.RING_PIP, Dof.PINKY_PIP]] = -0.12
    angles = pinch_angles(aperture, person.hand, person.curl + follow * idle)
    T_hand_bone = bone_transforms(angles, person.hand)
    T_world_tool = T_world_tool + _RAISE
    if side == "right":
        T_world_hand = hand_pose_at_tool(T_world_tool, T_hand_bone, person.hand)
    else:
        T_world_hand = T_world_tool @ mirror(hand_pose_at_tool(np.eye(4), T_hand_bone, person.hand))
    return hand_track(side, person, T_hand_bone, T_world_hand)


def resting_hand(side: Side, person: Person, time_s: FloatArray, rng: np.random.Generator) -> HandTrack:
    """A hand that lies on the table, palm down, and shifts a little, at times (T,)."""
    outward = 1.0 if side == "left" else -1.0
    place = np.array([rng.uniform(-0.20, -0.16), outward * rng.uniform(0.14, 0.20), 0.045])
    phase, period = rng.uniform(0.0, 2.0 * np.pi, 3), rng.uniform(2.0, 5.0, 3)
    sway = np.sin(2.0 * np.pi * time_s[:, None] / period + phase)
    angles = np.zeros((len(time_s), NUM_DOF))
    angles[:, [Dof.INDEX_MCP, Dof.MIDDLE_MCP, Dof.RING_MCP, Dof.PINKY_MCP]] = 0.25 + 0.05 * sway[:, :1]
    angles[:, [Dof.INDEX_PIP, Dof.MIDDLE_PIP, Dof.RING_PIP, Dof.PINKY_PIP]] = 0.30 + 0.06 * sway[:, 1:2]
    angles[:, Dof.THUMB_FLEXION] = 0.2
    angles += person.curl
    # Palm down: the hand's x points down, its z forward and inward.
    heading = outward * (rng.uniform(-0.5, 0.0) + 0.06 * sway[:, 2])
    R = Rotation.from_euler("zy", np.stack([heading, np.full(len(time_s), np.pi / 2 + 0.1)], 1)).as_matrix()
    place_s = place + sway * [0.012, 0.010, 0.0]
    return hand_track(side, person, bone_transforms(angles, person.hand), make_transform(R, place_s))


def hand_mesher(track: HandTrack, person: Person) -> HandMesher:
    """What poses the person's mesh at each instant of a track."""
    surface = hand_surface()
    return HandMesher(track, person.hand, dressed_vertices(surface, person.look), skin_colors(surface, person.look))


@dataclass(frozen=True)
class HandMesher:
    """Poses the skin along a track. `vertices` and `colors` (V, 3) are those of the dressed reference hand."""

    track: HandTrack
    shape: HandShape
    vertices: FloatArray
    colors: FloatArray

    def at(self, index: int) -> Mesh:
        """The mesh in the world at one instant of the track."""
        surface = hand_surface()
        points = surface.posed(self.track.T_hand_bone[index], self.vertices, self.shape)
        if self.track.side == "left":
            points = points * [1.0, -1.0, 1.0]
        return Mesh(apply(self.track.T_world_hand[index], points), surface.triangles, self.colors, gloss=0.12)


def mirror(T: FloatArray) -> FloatArray:
    """Transforms (..., 4, 4) between frames that are both mirrored, y -> -y."""
    flip = np.array([1.0, -1.0, 1.0, 1.0])
    return np.asarray(T * flip[:, None] * flip)


def hand_track(
    side: Side,
    person: Person,
    T_hand_bone: FloatArray,
    T_world_hand: FloatArray,
    elbow_m: FloatArray | None = None,
) -> HandTrack:
    """A track of bones T_hand_bone (T, 17, 4, 4), posed as a right hand's, at T_world_hand (T, 4, 4).

    The forearm points to `elbow_m` (3,) in the world, by default that of a person who sits at the table.
    """
    points = landmarks_from_bones(T_hand_bone, person.hand)
    if side == "left":
        points = points * [1.0, -1.0, 1.0]
    elbow = apply(invert(T_world_hand), np.array([ELBOW_M[side] if elbow_m is None else elbow_m]))[..., 0, :]
    T_hand_bone = T_hand_bone.copy()
    T_hand_bone[:, Bone.FOREARM, :3, :3] = _forearm_rotation(elbow * [1.0, -1.0 if side == "left" else 1.0, 1.0])
    return HandTrack(side, T_hand_bone, T_world_hand, apply(T_world_hand, points))


def _forearm_rotation(elbow_hand: FloatArray) -> FloatArray:
    """R_hand_forearm (T, 3, 3) that points the forearm at the elbow (T, 3), as far as a right wrist bends."""
    x, y, z = np.moveaxis(elbow_hand, -1, 0)
    # The turn that takes the resting forearm, along -z, to the elbow: its axis is square to both.
    sideways = np.hypot(x, y)
    angle = np.arctan2(sideways, -z) / np.maximum(sideways, 1e-9)
    flexion = np.clip(x * angle, *_WRIST_RANGE_RAD["flexion"])
    deviation = np.clip(y * angle, *_WRIST_RANGE_RAD["deviation"])
    return matrix_from_rotvec(np.stack([deviation, -flexion, np.zeros_like(x)], -1))
