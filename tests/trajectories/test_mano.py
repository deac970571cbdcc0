"""MANO parameters on their way from detections to steps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hand_builders import CAMERA, detection, moving_hand, timestamps

from humandata.hands.estimator import HandDetection, ManoHand
from humandata.trajectories.build import TrackSettings, build_tracks, cut_segments

NUM_FRAMES = 30


def fitted(index: int, hand: HandDetection) -> HandDetection:
    """A hand whose MANO parameters tell the frame."""
    return replace(hand, mano=ManoHand(np.full(3, index * 0.01), np.full((15, 3), index * 0.02), np.full(10, 0.5)))


def test_mano_is_that_of_the_frame_and_only_where_the_hand_was_seen_as_that_hand() -> None:
    landmarks = moving_hand("right", NUM_FRAMES)
    hands = [[fitted(index, detection(landmarks[index], "right"))] for index in range(NUM_FRAMES)]
    hands[7] = []
    hands[9] = [replace(hands[9][0], side="left")]  # a flicker: it was fitted as a left hand
    tracks = build_tracks(timestamps(NUM_FRAMES), hands, CAMERA, None, TrackSettings())
    [segment] = cut_segments(tracks, np.arange(0, NUM_FRAMES), TrackSettings())
    hand = segment.arms["right"].hand
    assert hand is not None
    assert hand.mano is not None
    expected = segment.frame_index * 0.01
    expected[[7, 9]] = np.nan
    np.testing.assert_allclose(hand.mano.global_orient, np.tile(expected[:, None], 3))
    np.testing.assert_allclose(hand.mano.hand_pose[:, 14, 2], expected * 2)
    assert segment.arms["right"].valid[[7, 9]].all()


def test_without_it_there_is_none() -> None:
    landmarks = moving_hand("left", NUM_FRAMES)
    hands = [[detection(landmarks[index], "left")] for index in range(NUM_FRAMES)]
    tracks = build_tracks(timestamps(NUM_FRAMES), hands, CAMERA, None, TrackSettings())
    hand = tracks.arms["left"].hand
    assert hand is not None
    assert hand.mano is None
