"""What a lens does to the picture is undone before hands are lifted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hand_builders import CAMERA, detection, moving_hand, timestamps

from humandata.arrays import FloatArray
from humandata.geometry.cameras import Camera
from humandata.geometry.distortion import BrownDistortion, Distortion, FisheyeDistortion
from humandata.trajectories.build import TrackSettings, build_tracks

NUM_FRAMES = 12


def lifted(camera: Camera) -> FloatArray:
    """Landmarks (N, 21, 3) of a hand off the picture's centre, as seen and lifted through one camera."""
    landmarks = moving_hand("right", NUM_FRAMES, x=0.12)
    hands = [(replace(detection(points, "right"), landmarks_px=camera.project(points)),) for points in landmarks]
    tracks = build_tracks(timestamps(NUM_FRAMES), hands, camera, None, TrackSettings())
    hand = tracks.arms["right"].hand
    assert hand is not None
    return hand.landmarks_camera


@pytest.mark.parametrize("lens", [BrownDistortion(-0.28, 0.07, 0.0005, -0.001), FisheyeDistortion(0.02, 0.0, 0.0, 0.0)])
def test_a_hand_is_where_it_is_whatever_the_lens(lens: Distortion) -> None:
    straight = lifted(CAMERA)
    assert np.isfinite(straight).all()
    # taken for a pinhole's, these pictures put the hand 5 cm off
    np.testing.assert_allclose(lifted(replace(CAMERA, distortion=lens)), straight, atol=1e-6)
