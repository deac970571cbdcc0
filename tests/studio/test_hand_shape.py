from __future__ import annotations

import numpy as np

from humandata.schemas.landmarks import HandLandmark
from humandata.studio.hand_shape import CHAIN_LENGTHS, HAND_LENGTH_RANGE_M, HandShape, sample_hand_shape
from humandata.studio.hand_skeleton import NUM_DOF, bone_transforms, landmarks
from humandata.studio.hand_surface import hand_surface


def _hands(count: int) -> list[HandShape]:
    rng = np.random.default_rng(0)
    return [sample_hand_shape(rng) for _ in range(count)]


def test_a_drawn_hand_is_as_long_as_it_says_whatever_its_proportions() -> None:
    reference = landmarks(np.zeros(NUM_DOF))[HandLandmark.MIDDLE_TIP]
    for hand in _hands(20):
        tip = landmarks(np.zeros(NUM_DOF), hand)[HandLandmark.MIDDLE_TIP]
        np.testing.assert_allclose(tip, reference * hand.scale, atol=1e-12)
        assert HAND_LENGTH_RANGE_M[0] <= hand.length_m <= HAND_LENGTH_RANGE_M[1]


def test_proportions_deviate_as_published() -> None:
    hands = _hands(400)
    fingers = np.array([hand.chain_lengths_m.sum(axis=1) / hand.scale for hand in hands]) / CHAIN_LENGTHS.sum(axis=1)
    breadth = np.array([hand.palm[1] for hand in hands])
    assert np.all((fingers.std(axis=0) > 0.02) & (fingers.std(axis=0) < 0.07))
    assert 0.04 < breadth.std() < 0.06


def test_the_skin_follows_the_proportions() -> None:
    surface = hand_surface()
    stubby = HandShape(0.19, palm=(1.0, 1.2, 1.0), phalanges=((0.8, 0.8, 0.8),) * 5, girth=1.1)
    for hand in (HandShape(0.19), stubby):
        skin = surface.posed(bone_transforms(np.zeros(NUM_DOF), hand), shape=hand)
        tip = landmarks(np.zeros(NUM_DOF), hand)[HandLandmark.MIDDLE_TIP]
        # The flesh of a fingertip reaches some millimetres beyond the bone's tuft, whatever the finger's length.
        assert 0.001 < skin[:, 2].max() - tip[2] < 0.006
