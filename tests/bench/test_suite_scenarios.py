from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from humandata.bench.accuracy import measure_accuracy
from humandata.bench.cost import stage_shares
from humandata.bench.scenarios import SCENARIOS
from humandata.bench.suite import Suite, render_suite
from humandata.schemas.documents import read_document
from humandata.schemas.landmarks import SIDES, HandLandmark
from humandata.schemas.sidecar import Sidecar
from humandata.studio.clip import Clip, clip_sidecar
from humandata.studio.clip_truth import clip_truth
from humandata.studio.truth import Truth, load_truth


def take(scenario: str, number: int = 0, seed: int = 3) -> tuple[Clip, Sidecar, Truth]:
    clip, sidecar = SCENARIOS[scenario]((seed, 0, number), number, 3.0)
    return clip, sidecar, clip_truth(clip)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_scenario_is_a_function_of_its_seed_and_shows_hands(scenario: str) -> None:
    (one, _, truth), (again, _, _) = take(scenario), take(scenario)
    np.testing.assert_array_equal(one.hands[0].landmarks_world, again.hands[0].landmarks_world)
    assert any(truth.hands[side].visible.mean() > 0.3 for side in SIDES)
    # No hand is below the table.
    assert min(hand.landmarks_world[..., 2].min() for hand in one.hands) > -0.005


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_both_sides_take_their_turn(scenario: str) -> None:
    sides = [hand.side for number in range(4) for hand in take(scenario, number)[0].hands]
    assert set(sides) == set(SIDES)


def test_only_one_scenario_is_told_wrong_intrinsics() -> None:
    for scenario in SCENARIOS:
        clip, sidecar, _ = take(scenario)
        assert sidecar.intrinsics is not None
        off = sidecar.intrinsics.fx / clip.head.camera.fx - 1.0
        assert abs(off) == pytest.approx(0.1 if scenario == "wrong_intrinsics" else 0.0, abs=1e-9)


def test_still_hands_stay_where_they_are_while_an_undeclared_head_moves() -> None:
    _, sidecar, truth = take("still_hands_moving_head")
    assert sidecar.camera_motion is None
    assert sidecar.camera_poses is None
    position = truth.hands["left"].T_world_wrist[:, :3, 3]
    np.testing.assert_allclose(position, np.broadcast_to(position[0], position.shape), atol=1e-12)
    assert np.ptp(truth.T_world_camera[:, :3, 3], axis=0).max() > 0.02


def test_far_hands_are_far_and_crossing_hands_cross() -> None:
    _, _, far = take("far")
    assert np.nanmedian(far.hands["left"].landmarks_camera[..., 2]) > 1.0
    crossed = []
    for seed in range(4):
        _, _, truth = take("hand_over_hand", seed=seed)
        wrists = [truth.hands[side].landmarks_px[:, HandLandmark.WRIST, 0] for side in SIDES]
        crossed.append(np.ptp(np.sign(wrists[0] - wrists[1])) == 2)
    assert any(crossed)


def test_hands_leave_the_picture_and_come_back() -> None:
    visible = [take("leaving_and_entering", seed=seed)[2].hands["left"].visible for seed in range(4)]
    assert any(np.ptp(each.astype(int)) == 1 for each in visible)


def test_a_suite_is_rendered_once(tmp_path: Path) -> None:
    suite = Suite("dev", num_people=1, duration_s=0.2, scenarios=("static", "wrong_intrinsics"))
    clips = render_suite(suite, tmp_path)
    written = [clip.video.stat().st_mtime_ns for clip in clips]
    assert render_suite(suite, tmp_path) == clips
    assert [clip.video.stat().st_mtime_ns for clip in clips] == written
    truth = load_truth(clips[1].truth)
    assert len(truth.timestamp_ns) == 3
    told = read_document(Sidecar, clips[1].video.with_suffix(".json")).intrinsics
    assert told is not None
    assert told.fx == pytest.approx(0.9 * truth.camera.fx)


def test_both_methods_are_measured_on_the_same_clips(tmp_path: Path) -> None:
    accuracy = measure_accuracy(Suite("dev", num_people=1, duration_s=0.6, scenarios=("static",)), tmp_path)
    figures = accuracy.as_json()
    assert figures["num_frames"] == 9
    assert set(figures["overall"]) == set(figures["scenarios"]["static"]) == {"ours", "naive"}
    for method in ("ours", "naive"):
        overall = figures["overall"][method]
        assert overall["recall"] > 0.5
        # Nobody is wrong by more than an arm's length.
        assert 0.0 < overall["wrist_m"] < 0.5
    assert sum(figures["cost"]["shares"].values()) == pytest.approx(1.0)


def test_time_is_given_to_the_stage_that_spends_it() -> None:
    with stage_shares() as shares:
        clip_sidecar(take("static")[0])
        time.sleep(0.1)
    assert sum(shares.values()) == pytest.approx(1.0)
    assert set(shares) == {"other"}
