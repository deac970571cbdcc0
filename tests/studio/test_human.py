from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from studio_files import assert_same_files

from humandata.embodiments.human_hands import aperture_m, palm_frame
from humandata.errors import OutputError
from humandata.schemas.documents import read_document
from humandata.schemas.landmarks import SIDES, Side
from humandata.schemas.sidecar import Sidecar
from humandata.studio.capture import capture_clip, render_human_videos
from humandata.studio.clip import ClipOptions, plan_clip, render_clip
from humandata.studio.clip_truth import clip_truth
from humandata.studio.human import PULP_DEPTH_M, pinching_hand, sample_person
from humandata.studio.motion import tool_rotation
from humandata.studio.scene import PlaceTask
from humandata.studio.truth import load_truth

_TINY = ClipOptions(PlaceTask("red", "right"), frame_rate=10, width=160, height=120, max_duration_s=0.3)


def _tool(side: Side) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    inward = 1.0 if side == "right" else -1.0
    T = np.eye(4)
    T[:3, :3] = tool_rotation([-0.8, 0.6 * inward, 0.0], 0.5 * inward)
    T[:3, 3] = [0.1, -0.1 * inward, 0.1]
    return T[None]


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_hand_pinches_what_the_tool_would_hold(side: Side) -> None:
    person = sample_person(np.random.default_rng(3))
    track = pinching_hand(side, person, _tool(side), np.array([0.04]))
    flesh = 2.0 * PULP_DEPTH_M * person.hand.scale
    np.testing.assert_allclose(aperture_m(track.landmarks_world), 0.04 + flesh, atol=1e-9)
    tips = track.landmarks_world[0, [4, 8]]
    # The tips hold the tool's point between them, at most 1 cm above it.
    np.testing.assert_allclose(tips.mean(axis=0), _tool(side)[0, :3, 3], atol=0.01)
    # Thumb and index lie on the closing axis, the index first.
    closing = (tips[0] - tips[1]) / np.linalg.norm(tips[0] - tips[1])
    np.testing.assert_allclose(closing, _tool(side)[0, :3, 0], atol=1e-9)


def test_the_left_hand_is_the_mirror_image_of_the_right() -> None:
    person = sample_person(np.random.default_rng(3))
    left, right = (pinching_hand(side, person, _tool(side), np.array([0.04])) for side in SIDES)
    np.testing.assert_allclose(left.landmarks_world, right.landmarks_world * [1.0, -1.0, 1.0], atol=1e-12)
    # The palm faces down on both sides.
    for track in (left, right):
        assert palm_frame(track.landmarks_world, track.side)[0, 2, 0] < -0.5


def test_one_seed_is_one_clip() -> None:
    first, again, other = (plan_clip(seed, _TINY) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.hands[0].landmarks_world, again.hands[0].landmarks_world)
    np.testing.assert_array_equal(next(render_clip(first)).image, next(render_clip(again)).image)
    assert not np.array_equal(first.hands[0].landmarks_world[0], other.hands[0].landmarks_world[0])


def test_the_block_is_between_the_fingertips_while_it_is_carried() -> None:
    clip = plan_clip(8, replace(_TINY, max_duration_s=None))
    truth = clip_truth(clip)
    tips = clip.hands[0].landmarks_world[: clip.num_frames, [4, 8]].mean(axis=1)
    lifted = truth.T_world_block[:, 2, 3] > 0.06
    assert lifted.sum() > 3
    gap = np.linalg.norm(tips - truth.T_world_block[:, :3, 3], axis=1)
    # The grip is at most a quarter of a 5 cm block and 8 mm above its centre.
    assert gap[lifted].max() < 0.022


def test_landmarks_that_the_camera_sees_lie_on_the_hand_in_the_picture() -> None:
    options = replace(_TINY, width=320, height=240, moving_camera=False, second_hand=True, max_duration_s=0.1)
    clip = plan_clip(11, options)
    bare = replace(clip, hands=())
    with_hands, without = (next(render_clip(each)).image.astype(int) for each in (clip, bare))
    touched = np.abs(with_hands - without).max(axis=2) > 12
    resting = clip.hands[1].side
    hand = clip_truth(clip).hands[resting]
    assert hand.visible[0]
    px = np.round(hand.landmarks_px[0]).astype(int)
    inside = np.all((px >= 0) & (px < [320, 240]), axis=1)
    on_hand = touched[px[inside, 1], px[inside, 0]]
    # A landmark may fall on a pixel whose colour the table happens to share.
    assert on_hand.mean() > 0.85


def test_a_capture_writes_a_video_its_sidecar_and_its_truth(tmp_path: Path) -> None:
    import av

    options = replace(_TINY, moving_camera=True, second_hand=False)
    clip = capture_clip(2, options, tmp_path / "a.mp4", tmp_path)
    truth = load_truth(tmp_path / "a.npz")
    sidecar = read_document(Sidecar, tmp_path / "a.json")
    assert sidecar.task == truth.task == "put the red block in the right bin"
    assert sidecar.camera_motion == "moving"
    assert sidecar.camera_poses is not None
    assert sidecar.intrinsics is not None
    assert sidecar.intrinsics.to_camera() == truth.camera
    assert sidecar.camera_poses.timestamp_ns == tuple(truth.timestamp_ns.tolist())
    np.testing.assert_allclose(sidecar.camera_poses.position, truth.T_world_camera[:, :3, 3], atol=1e-12)
    assert not truth.hands["left"].visible.any()
    assert np.isnan(truth.hands["left"].aperture_m).all()
    with av.open(str(tmp_path / "a.mp4")) as container:
        frames = list(container.decode(video=0))
    times = [round(Fraction(frame.pts or 0) * (frame.time_base or 0) * 10**9) for frame in frames]
    assert times == truth.timestamp_ns.tolist() == clip.timestamp_ns.tolist()


def test_the_number_of_workers_changes_nothing_and_a_second_run_renders_nothing(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    told: list[tuple[int, int]] = []
    videos = render_human_videos(one, 2, seed=1, workers=1, options=_TINY, progress=lambda *step: told.append(step))
    render_human_videos(two, 2, seed=1, workers=2, options=_TINY)
    assert told == [(0, 2), (1, 2), (2, 2)]
    assert assert_same_files(one, two) == 6

    before = videos[0].stat().st_mtime_ns
    told.clear()
    assert render_human_videos(one, 2, seed=1, options=_TINY, progress=lambda *step: told.append(step)) == videos
    assert told == [(2, 2)]
    assert videos[0].stat().st_mtime_ns == before


def test_an_output_folder_that_cannot_be_made_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "videos").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        render_human_videos(tmp_path, 1, seed=0, options=_TINY)
