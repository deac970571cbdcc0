"""What colours a hand: skin from pale to dark, nails, creases, reddened knuckles and tips, and a sleeve.

Colours are linear RGB. The six skin tones were picked by eye to span the range of the Monk skin tone scale (Monk, "The
Monk Skin Tone Scale", 2019).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from humandata.arrays import FloatArray
from humandata.geometry.transforms import apply
from humandata.studio.hand_shape import CHAIN_LENGTHS, Bone, chain_bones
from humandata.studio.hand_surface import HandSurface
from humandata.studio.look import Color

SKIN_TONES_SRGB = ((240, 208, 186), (226, 180, 150), (200, 148, 114), (164, 112, 80), (134, 90, 64), (104, 70, 52))
_SLEEVE_THICKNESS_M = 0.006


@dataclass(frozen=True)
class HandLook:
    """Looks of a person's hands: the skin's linear RGB, and a sleeve that ends `sleeve_from_wrist_m` up the forearm.

    `sleeve_color` None is a bare arm. `seed` fixes the mottling of the skin.
    """

    skin: Color
    sleeve_color: Color | None
    sleeve_from_wrist_m: float
    seed: int


def sample_hand_look(rng: np.random.Generator) -> HandLook:
    """Draw a skin tone between two neighbours of the scale, and a bare or a clothed forearm."""
    tone = rng.uniform(0.0, len(SKIN_TONES_SRGB) - 1.0)
    sleeve = rng.uniform(0.02, 0.5) * rng.uniform(0.5, 1.5, 3) if rng.uniform() < 0.5 else None
    return HandLook(
        skin=skin_tone(tone),
        sleeve_color=None if sleeve is None else (float(sleeve[0]), float(sleeve[1]), float(sleeve[2])),
        sleeve_from_wrist_m=float(rng.uniform(0.05, 0.12)),
        seed=int(rng.integers(2**31)),
    )


def skin_tone(tone: float) -> Color:
    """Linear RGB of a tone from 0 (palest) to 5 (darkest)."""
    srgb = np.array(SKIN_TONES_SRGB) / 255.0
    r, g, b = (float(np.interp(tone, np.arange(len(srgb)), srgb[:, k]) ** 2.2) for k in range(3))
    return r, g, b


def dressed_vertices(surface: HandSurface, look: HandLook) -> FloatArray:
    """Vertices (V, 3) of the surface in its meshing posture, pushed out where the sleeve is."""
    if look.sleeve_color is None:
        return surface.vertices
    return np.asarray(
        surface.vertices + surface.normals * (_SLEEVE_THICKNESS_M * _sleeve(surface.vertices, look))[:, None]
    )


def skin_colors(surface: HandSurface, look: HandLook) -> FloatArray:
    """Linear RGB (V, 3) of the surface's vertices."""
    vertices = surface.vertices
    skin = np.array(look.skin)
    luminance = skin @ [0.2126, 0.7152, 0.0722]
    # Palms carry less pigment than the back of the hand, which shows most on dark skin.
    palm_skin = skin + 0.35 * np.clip(0.30 - luminance, 0.0, None) + np.array([0.03, 0.0, -0.005])
    palmar = _smooth(_palmar(surface) / 0.6)[:, None]
    colors = skin + palmar * (palm_skin - skin)

    crease, blush = np.zeros(len(vertices)), np.zeros(len(vertices))
    nail = np.zeros(len(vertices))
    for chain in range(5):
        for k, bone in enumerate(chain_bones(chain)):
            local = apply(surface.T_bone_hand[bone], vertices)
            own = surface.weights[:, bone] + surface.weights[:, Bone.PALM if k == 0 else bone - 1] > 0.6
            if not (chain == 0 and k == 0):
                line = np.exp(-((local[:, 2] / 0.0022) ** 2)) * own
                crease = np.maximum(crease, line * np.where(local[:, 0] > 0.003, 0.8, 0.0))
                knuckle = np.exp(-(local[:, 2] ** 2 + local[:, 1] ** 2) / 0.008**2) * own
                blush = np.maximum(blush, knuckle * (local[:, 0] < -0.004) * 0.8)
            if k == 2:
                length = CHAIN_LENGTHS[chain, 2]
                nail = np.maximum(nail, _nail(local, length, 0.0078 if chain == 0 else 0.0062))
                tip = _smooth((local[:, 2] - 0.55 * length) / (0.5 * length)) * (surface.weights[:, bone] > 0.9)
                blush = np.maximum(blush, 0.6 * tip * (local[:, 0] > 0.0))
    colors *= 1.0 - 0.35 * crease[:, None]
    colors *= 1.0 + blush[:, None] * np.array([0.04, -0.16, -0.14])
    nail_color = 0.55 * skin + 0.45 * np.array([0.80, 0.52, 0.45])
    colors += nail[:, None] * (nail_color - colors)
    rng = np.random.default_rng(look.seed)
    colors *= 1.0 + 0.03 * rng.standard_normal((len(vertices), 1))
    if look.sleeve_color is not None:
        colors += _sleeve(vertices, look)[:, None] * (np.array(look.sleeve_color) - colors)
    return np.asarray(np.clip(colors, 0.0, 1.0))


def _nail(local: FloatArray, length: float, half_width: float) -> FloatArray:
    """Share (V,) of nail at points (V, 3) in the frame of a last phalanx: a rounded patch on its back."""
    along = (local[:, 2] - 0.82 * length) / (0.40 * length)
    across = local[:, 1] / half_width
    inside = 1.0 - (np.abs(along) ** 2.6 + np.abs(across) ** 2.6)
    return np.asarray(_smooth(inside / 0.25) * (local[:, 0] < -0.0022))


def _palmar(surface: HandSurface) -> FloatArray:
    """How far (V,) each vertex's normal points to the palmar side of its bone, -1 to 1."""
    palmar = np.swapaxes(surface.T_bone_hand[:, :3, :3], -1, -2)[:, :, 0]
    return np.asarray(np.einsum("vi,vi->v", surface.weights @ palmar, surface.normals))


def _sleeve(vertices: FloatArray, look: HandLook) -> FloatArray:
    return _smooth((-vertices[:, 2] - look.sleeve_from_wrist_m) / 0.004)


def _smooth(x: FloatArray) -> FloatArray:
    t = np.clip(0.5 + 0.5 * x, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))
