"""The skin of the hand: smoothly blended volumes around the bones, meshed once, then carried by the bones.

The surface is the zero level of a smooth union of tapered capsules ("round cones") set along the bones: phalanges with
their pads, metacarpals, thenar and hypothenar eminences, the webs between the fingers, and a forearm. Radii follow the
breadths and depths of fingers and palm in Garrett, "The Adult Human Hand: Some Anthropometric and Biomechanical
Considerations", Human Factors 13(2), 1971, at the reference hand length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from humandata.arrays import FloatArray, Int32Array
from humandata.geometry.transforms import invert
from humandata.studio.hand_shape import (
    CHAIN_LENGTHS,
    CHAIN_ROOTS,
    NUM_BONES,
    REFERENCE_HAND,
    Bone,
    HandShape,
    chain_bones,
)
from humandata.studio.hand_skeleton import NUM_DOF, Dof, bone_transforms
from humandata.studio.surface_nets import surface_nets

ARM_LENGTH_M = 0.58
"""From wrist to where the arm is cut off: far enough up for the cut to stay out of a head camera's picture."""


@dataclass(frozen=True)
class HandSurface:
    """The skin of a right hand of the reference length, in the posture it was meshed in.

    vertices (V, 3) in metres in the hand frame, triangles (F, 3) wound outwards, unit normals (V, 3), weights (V, 17)
    of the bones (rows sum to 1), and T_bone_hand (17, 4, 4), which takes that posture into the bones' frames.
    """

    vertices: FloatArray
    triangles: Int32Array
    normals: FloatArray
    weights: FloatArray
    T_bone_hand: FloatArray

    def posed(
        self, T_hand_bone: FloatArray, vertices: FloatArray | None = None, shape: HandShape = REFERENCE_HAND
    ) -> FloatArray:
        """Vertices (V, 3) carried along by the bones T_hand_bone (17, 4, 4) of a hand, by linear blend skinning.

        `vertices` (V, 3) stand in for the surface's own, as when it is dressed. Each bone's part is stretched along the
        bone's axes to the hand's proportions first.
        """
        resting = self.vertices if vertices is None else vertices
        stretched = self.T_bone_hand[:, :3] * shape.bone_stretch[:, :, None]
        carried = T_hand_bone[:, :3, :3] @ stretched
        carried[:, :, 3] += T_hand_bone[:, :3, 3]
        blended = (self.weights @ carried.reshape(NUM_BONES, 12)).reshape(-1, 3, 4)
        return np.asarray(np.sum(blended[:, :, :3] * resting[:, None, :], axis=2) + blended[:, :, 3])


@dataclass(frozen=True)
class _Cone:
    """A tapered capsule from `start` to `end` (3,), in metres in the hand frame."""

    start: FloatArray
    end: FloatArray
    radius_start: float
    radius_end: float

    def distance(self, points: FloatArray) -> FloatArray:
        along = self.end - self.start
        t = np.clip((points - self.start) @ along / (along @ along), 0.0, 1.0)
        radius = self.radius_start + t * (self.radius_end - self.radius_start)
        return np.asarray(np.linalg.norm(points - self.start - t[:, None] * along, axis=1) - radius)


@lru_cache(maxsize=1)
def hand_surface() -> HandSurface:
    """Mesh the hand; the same arrays on every call."""
    T_hand_bone = bone_transforms(_meshing_angles())
    axes = (
        np.arange(-0.062, 0.0821, 0.0030),
        np.arange(-0.092, 0.1141, 0.0030),
        np.concatenate([np.arange(-ARM_LENGTH_M - 0.02, -0.02, 0.020), np.arange(-0.02, 0.2051, 0.0030)]),
    )
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = _distance(grid, T_hand_bone).reshape([len(axis) for axis in axes])
    vertices, triangles = surface_nets(distance, axes)
    normals = _vertex_normals(vertices, triangles)
    return HandSurface(vertices, triangles, normals, _weights(vertices, T_hand_bone), invert(T_hand_bone))


def _vertex_normals(vertices: FloatArray, triangles: Int32Array) -> FloatArray:
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    normals = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(normals, triangles[:, k], np.cross(b - a, c - a))
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def _meshing_angles() -> FloatArray:
    """Half-bent and spread: skinning is then asked for half the range either way, and no finger touches another."""
    angles = np.zeros(NUM_DOF)
    angles[[Dof.INDEX_MCP, Dof.MIDDLE_MCP, Dof.RING_MCP, Dof.PINKY_MCP]] = np.radians(18.0)
    angles[[Dof.INDEX_PIP, Dof.MIDDLE_PIP, Dof.RING_PIP, Dof.PINKY_PIP]] = np.radians(18.0)
    angles[[Dof.INDEX_ABDUCTION, Dof.RING_ABDUCTION, Dof.PINKY_ABDUCTION]] = np.radians([6.0, -4.0, -8.0])
    angles[Dof.THUMB_ABDUCTION] = np.radians(12.0)
    return angles


_FINGER_RADII = {
    1: (0.0112, 0.0096, 0.0083, 0.0068),
    2: (0.0114, 0.0098, 0.0085, 0.0070),
    3: (0.0108, 0.0092, 0.0080, 0.0066),
    4: (0.0098, 0.0080, 0.0070, 0.0058),
}
_THUMB_RADII = (0.0150, 0.0118, 0.0108, 0.0080)


_REACH_M = 0.03
"""Distance at which blending no longer bends the surface."""


def _distance(points: FloatArray, T_hand_bone: FloatArray) -> FloatArray:
    """Signed distance (N,) in metres to the skin, roughly: exact enough near the surface."""
    parts = [_union(points, _palm_cones(T_hand_bone), 0.0055)]
    parts += [_union(points, _chain_cones(chain, T_hand_bone), 0.0018) for chain in range(5)]
    parts.append(_union(points, _forearm_cones(), 0.010))
    return np.asarray(np.maximum(_smooth_minimum(np.stack(parts), 0.0035), -ARM_LENGTH_M - points[:, 2]))


def _union(points: FloatArray, cones: list[_Cone], smoothness: float) -> FloatArray:
    """Smooth union (N,) of the cones; farther than `_REACH_M` from their bounding box it is just `_REACH_M`."""
    ends = np.array([[cone.start, cone.end] for cone in cones]).reshape(-1, 3)
    margin = max(max(cone.radius_start, cone.radius_end) for cone in cones) + _REACH_M
    near = np.all((points > ends.min(axis=0) - margin) & (points < ends.max(axis=0) + margin), axis=1)
    distance = np.full(len(points), _REACH_M)
    distance[near] = _smooth_minimum(np.stack([cone.distance(points[near]) for cone in cones]), smoothness)
    return distance


def _smooth_minimum(distances: FloatArray, smoothness: float) -> FloatArray:
    """Order-independent smooth minimum (N,) over the first axis: -k log sum exp(-d / k)."""
    least = distances.min(axis=0)
    return np.asarray(least - smoothness * np.log(np.exp((least - distances) / smoothness).sum(axis=0)))


def _chain_cones(chain: int, T_hand_bone: FloatArray) -> list[_Cone]:
    """The segments of one finger or of the thumb, with the pads on their palmar side."""
    radii = _THUMB_RADII if chain == 0 else _FINGER_RADII[chain]
    cones = []
    for k, bone in enumerate(chain_bones(chain)):
        if chain == 0 and k == 0:
            continue
        length = CHAIN_LENGTHS[chain, k]
        last = k == 2

        def at(x: float, y: float, z: float, T: FloatArray = T_hand_bone[bone]) -> FloatArray:
            return np.asarray(T[:3, :3] @ np.array([x, y, z]) + T[:3, 3])

        r0, r1 = radii[k], radii[k + 1]
        if last:
            # A fingertip is broader than deep: two slim cones side by side, and a pulp.
            half = 0.28 * r1
            end = length - 0.35 * r1
            cones += [
                _Cone(at(0.0, 0.3 * side, 0.0), at(0.0, side, end), 0.92 * r0, 0.90 * r1) for side in (-half, half)
            ]
            cones.append(
                _Cone(at(0.22 * r0, 0.0, 0.35 * length), at(0.25 * r1, 0.0, 0.80 * length), 0.85 * r0, 0.85 * r1)
            )
        else:
            cones.append(_Cone(at(0.0, 0.0, 0.0), at(0.0, 0.0, length), r0, r1))
            pad = 0.86 * 0.5 * (r0 + r1)
            cones.append(_Cone(at(0.28 * r0, 0.0, 0.30 * length), at(0.28 * r1, 0.0, 0.70 * length), pad, pad))
    return cones


def _palm_cones(T_hand_bone: FloatArray) -> list[_Cone]:
    """Metacarpals, thenar and hypothenar eminences, and the webs."""
    knuckles = CHAIN_ROOTS[1:]
    carpus = np.array([[2.0, 13.0, 5.0], [1.5, 4.0, 6.0], [1.5, -6.0, 6.0], [3.0, -15.0, 4.0]]) / 1000.0
    cones = [
        _Cone(base, knuckle, 0.0125, radius)
        for base, knuckle, radius in zip(carpus, knuckles, (0.0112, 0.0118, 0.0110, 0.0100), strict=True)
    ]
    # The pad of flesh across the palm below the fingers.
    cones.append(_Cone(knuckles[0] + _mm(5, -2, -9), knuckles[3] + _mm(6, 3, -7), 0.0098, 0.0098))
    # Hypothenar eminence, along the little finger's metacarpal on the palmar side.
    cones.append(_Cone(_mm(10, -17, 9), _mm(9, -31, 43), 0.0135, 0.0120))
    # Thumb metacarpal and the thenar eminence around it.
    metacarpal = T_hand_bone[Bone.THUMB_METACARPAL]
    start, end = metacarpal[:3, 3], metacarpal[:3, 3] + metacarpal[:3, 2] * CHAIN_LENGTHS[0, 0]
    cones.append(_Cone(start, end, 0.0128, 0.0118))
    pad = metacarpal[:3, 0]
    cones.append(_Cone(start + 0.008 * pad + _mm(3, -2, 4), 0.35 * start + 0.65 * end + 0.007 * pad, 0.0150, 0.0125))
    # The web between thumb and index: a fan of slim cones from one metacarpal to the other.
    for share, radius in ((0.35, 0.0085), (0.6, 0.0068), (0.8, 0.0050)):
        cones.append(
            _Cone(start + share * (end - start), carpus[0] + share * (knuckles[0] - carpus[0]), radius, radius)
        )
    # The webs between the fingers, a little beyond the knuckles.
    for chain in range(1, 4):
        one, two = (T_hand_bone[chain_bones(c)[0]] for c in (chain, chain + 1))
        reach = 0.12 * (CHAIN_LENGTHS[chain, 0] + CHAIN_LENGTHS[chain + 1, 0])
        cones.append(_Cone(one[:3, 3] + reach * one[:3, 2], two[:3, 3] + reach * two[:3, 2], 0.0062, 0.0062))
    return cones


def _forearm_cones() -> list[_Cone]:
    """Radius and ulna, with the muscle swelling towards the elbow."""
    elbow, cut = -0.24, -ARM_LENGTH_M - 0.05
    cones = [_Cone(_mm(1, side * 13.5, -7), np.array([0.003, side * 0.016, elbow]), 0.0155, 0.021) for side in (1, -1)]
    cones.append(_Cone(np.array([0.004, 0.0, -0.10]), np.array([0.004, 0.0, elbow]), 0.014, 0.027))
    cones.append(_Cone(np.array([0.004, 0.0, elbow]), np.array([0.004, 0.0, cut]), 0.036, 0.046))
    return cones


def _weights(vertices: FloatArray, T_hand_bone: FloatArray) -> FloatArray:
    """Bone weights (V, 17): a vertex belongs to a chain by distance, and passes from bone to bone across the joints."""
    chain_distance = np.stack(
        [
            np.min(
                [
                    _Cone(T[:3, 3], T[:3, 3] + T[:3, 2] * length, 0.0, 0.0).distance(vertices)
                    for T, length in zip(T_hand_bone[list(chain_bones(c))], CHAIN_LENGTHS[c], strict=True)
                ],
                axis=0,
            )
            for c in range(5)
        ]
    )
    share = np.exp(-(chain_distance - chain_distance.min(axis=0)) / 0.0022)
    share /= share.sum(axis=0)
    weights = np.zeros((len(vertices), NUM_BONES))
    for chain in range(5):
        passed = share[chain]
        for k, bone in enumerate(chain_bones(chain)):
            width = _BLEND_WIDTHS[0 if chain == 0 else 1][k]
            T_mid = T_hand_bone[bone]
            inner = T_hand_bone[chain_bones(chain)[k - 1], :3, 2] if k else T_mid[:3, 2]
            normal = T_mid[:3, 2] + inner
            along = (vertices - T_mid[:3, 3]) @ (normal / np.linalg.norm(normal))
            beyond = passed * _smoothstep(along / width)
            weights[:, Bone.PALM if k == 0 else bone - 1] += passed - beyond
            passed = beyond
        weights[:, chain_bones(chain)[2]] += passed
    hand = _smoothstep((vertices[:, 2] + 0.004) / 0.022)[:, None]
    weights *= hand
    weights[:, Bone.FOREARM] = 1.0 - hand[:, 0]
    return weights


_BLEND_WIDTHS = ((0.022, 0.010, 0.009), (0.012, 0.0075, 0.0065))
"""Half-widths in metres over which skin passes from bone to bone, at the three joints of the thumb and of a finger."""


def _smoothstep(x: FloatArray) -> FloatArray:
    t = np.clip(0.5 + 0.5 * x, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _mm(x: float, y: float, z: float) -> FloatArray:
    return np.array([x, y, z]) / 1000.0
