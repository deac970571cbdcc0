from __future__ import annotations

import numpy as np

from humandata.studio.measured_capture import SCALE_M, sensed_depth


def test_a_depth_camera_sees_coarsely_with_noise_that_grows_and_nothing_at_edges() -> None:
    depth = np.full((200, 200), 0.5, np.float32)
    depth[:, 100:] = 1.5
    depth[:20, :20] = np.inf
    metres = sensed_depth(depth, 500.0, np.random.default_rng(0)) * SCALE_M
    assert metres.shape == (100, 100)
    assert (metres[:8, :8] == 0).all()
    assert (metres[40:, 50] == 0).all()
    near, far = metres[40:, 5:45], metres[40:, 55:95]
    np.testing.assert_allclose([near.mean(), far.mean()], [0.5, 1.5], atol=1e-3)
    assert 0.0004 < near.std() < 0.0012
    assert 0.006 < far.std() < 0.009  # 9 times as much, for 3 times the depth
