"""How long the bones of a hand are, and how hands differ: in length, and in the proportions of palm, fingers and bones.

Phalanx and metacarpal lengths are the means of Buryanov and Kotiuk, "Proportions of Hand Segments", Int. J. Morphol.
28(3), 2010. Hand lengths (wrist crease to middle finger tip) span the 5th percentile of women to the 95th of men, 0.165
to 0.210 m (ANSUR II, Gordon et al. 2014).

Proportions are drawn so that, together with the length, they deviate as hands do: the lengths of fingers by 6 to 11 %
(Chatzioglou, Pinar and Govsa, Anat. Cell Biol. 57(2), 2024) where hand length deviates by 5 % (ANSUR II), which leaves
about 5 % to the fingers of hands of one length; the breadth of hands by 5 to 6 % (Pheasant, "Bodyspace", 1996).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from humandata.arrays import FloatArray

REFERENCE_LENGTH_M = 0.189
"""Hand length of the model before scaling."""
HAND_LENGTH_RANGE_M = (0.165, 0.210)

CHAIN_LENGTHS = (
    np.array(
        [
            [46.22, 31.57, 21.67],
            [39.78, 22.38, 15.82],
            [44.63, 26.33, 17.40],
            [41.37, 25.65, 17.30],
            [32.74, 18.11, 15.96],
        ]
    )
    / 1000.0
)
"""Metres (5, 3) from joint to joint, of the thumb from its metacarpal and of the fingers from the knuckle on. The last
ends at the tuft of the bone, inside the pad, where annotators put the tip landmark."""

CHAIN_ROOTS = (
    np.array([[12.0, 23.0, 12.0], [2.8, 24.0, 86.0], [0.0, 0.0, 89.0], [0.8, -21.5, 84.0], [2.507, -39.0, 77.0]])
    / 1000.0
)
"""Metres (5, 3) in the hand frame: the thumb's carpometacarpal joint, then the four knuckles, on their transverse arch.
The arch is such that x is the normal to wrist, index and little knuckle, as in the embodiment's palm frame."""

_MIDDLE_FINGER = 2
_BONY_LENGTH_M = float(CHAIN_ROOTS[_MIDDLE_FINGER, 2] + CHAIN_LENGTHS[_MIDDLE_FINGER].sum())
"""From the wrist landmark to the middle finger's tip landmark; flesh and carpus make up the rest of the length."""


class Bone(IntEnum):
    """Index of a rigid part in an array (..., 17, 4, 4)."""

    FOREARM = 0
    PALM = 1
    THUMB_METACARPAL = 2
    THUMB_PROXIMAL = 3
    THUMB_DISTAL = 4
    INDEX_PROXIMAL = 5
    INDEX_MIDDLE = 6
    INDEX_DISTAL = 7
    MIDDLE_PROXIMAL = 8
    MIDDLE_MIDDLE = 9
    MIDDLE_DISTAL = 10
    RING_PROXIMAL = 11
    RING_MIDDLE = 12
    RING_DISTAL = 13
    PINKY_PROXIMAL = 14
    PINKY_MIDDLE = 15
    PINKY_DISTAL = 16


NUM_BONES = len(Bone)


def chain_bones(chain: int) -> tuple[Bone, Bone, Bone]:
    """The three bones of chain 0 (thumb) to 4 (little finger), from the root out."""
    first = int(Bone.THUMB_METACARPAL) + 3 * chain
    return Bone(first), Bone(first + 1), Bone(first + 2)


@dataclass(frozen=True)
class HandShape:
    """One person's hand. The rest are factors on the reference hand scaled to `length_m`.

    `palm` (depth, breadth, length) stretches the palm along the axes of the hand frame, `phalanges` (5, 3) the bones of
    each chain, `girth` how thick the digits are.
    """

    length_m: float
    palm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    phalanges: tuple[tuple[float, float, float], ...] = ((1.0, 1.0, 1.0),) * 5
    girth: float = 1.0

    @property
    def scale(self) -> float:
        """Length over that of the reference hand."""
        return self.length_m / REFERENCE_LENGTH_M

    @property
    def chain_lengths_m(self) -> FloatArray:
        """(5, 3), see `CHAIN_LENGTHS`."""
        return np.asarray(CHAIN_LENGTHS * np.array(self.phalanges) * self.scale)

    @property
    def chain_roots_m(self) -> FloatArray:
        """(5, 3), see `CHAIN_ROOTS`."""
        return np.asarray(CHAIN_ROOTS * np.array(self.palm) * self.scale)

    @property
    def bone_stretch(self) -> FloatArray:
        """(17, 3) factors along each bone's own axes that make the reference hand's parts this hand's."""
        stretch = np.ones((NUM_BONES, 3))
        stretch[[Bone.FOREARM, Bone.PALM]] = self.palm
        for chain in range(5):
            stretch[list(chain_bones(chain)), :2] = self.girth
            stretch[list(chain_bones(chain)), 2] = self.phalanges[chain]
        return np.asarray(stretch * self.scale)


REFERENCE_HAND = HandShape(REFERENCE_LENGTH_M)


def sample_hand_shape(rng: np.random.Generator) -> HandShape:
    """Draw a hand: its length evenly over the range, its proportions as they deviate among hands of one length."""
    length_m = float(rng.uniform(*HAND_LENGTH_RANGE_M))
    fingers = 1.0 + rng.normal(0.0, 0.03)
    phalanges = fingers * (1.0 + rng.normal(0.0, 0.03, (5, 1))) * (1.0 + rng.normal(0.0, 0.03, (5, 3)))
    depth, breadth = 1.0 + rng.normal(0.0, 0.05, 2)
    girth = 0.5 * (1.0 + breadth) + rng.normal(0.0, 0.03)
    # What is drawn for palm and middle finger must still add up to the length.
    bony = CHAIN_ROOTS[_MIDDLE_FINGER, 2] + float(CHAIN_LENGTHS[_MIDDLE_FINGER] @ phalanges[_MIDDLE_FINGER])
    to_length = _BONY_LENGTH_M / bony
    return HandShape(
        length_m=length_m,
        palm=(float(depth), float(breadth), float(to_length)),
        phalanges=tuple((float(a), float(b), float(c)) for a, b, c in phalanges * to_length),
        girth=float(girth),
    )
