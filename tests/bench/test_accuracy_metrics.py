from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from humandata.bench.estimates import HandEstimate, Hands
from humandata.bench.metrics import FIGURES, aligned, clip_errors, pooled, summarise
from humandata.bench.scenarios import SCENARIOS
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.schemas.landmarks import SIDES, Side
from humandata.studio.clip_truth import clip_truth
from humandata.studio.truth import Truth
from humandata.trajectories.jerk import jerk_m_s3


def truth_of(scenario: str, number: int = 0) -> Truth:
    clip, _ = SCENARIOS[scenario]((7, 0, number), number, 1.5)
    return clip_truth(clip)


@pytest.fixture(scope="module")
def truth() -> Truth:
    """Both hands, moving, under a moving head."""
    return truth_of("moving_head")


def exact(truth: Truth) -> Hands:
    """What a method without fault would report, taking the camera as still."""
    num_frames = len(truth.timestamp_ns)
    return {
        side: HandEstimate(
            landmarks_camera=hand.landmarks_camera.copy(),
            landmarks_px=hand.landmarks_px.copy(),
            T_world_ee=palm_frame(hand.landmarks_camera, side),
            sigma_m=np.full((num_frames, 3), np.nan),
            episode=np.zeros(num_frames),
        )
        for side, hand in truth.hands.items()
    }


def changed(hands: Hands, side: Side, **values: object) -> Hands:
    return {**hands, side: replace(hands[side], **values)}  # type: ignore[arg-type]


def test_a_method_without_fault_makes_no_error(truth: Truth) -> None:
    figures = summarise(clip_errors(truth, exact(truth)))
    assert list(figures) == list(FIGURES)
    for name in ("recall", "precision", "pck"):
        assert figures[name] == 1.0
    for name in ("side_errors", "swapped_arms", "root_relative_m", "aligned_m", "wrist_m", "wrist_scaled_m"):
        assert figures[name] == pytest.approx(0.0, abs=1e-9)
    # arccos near 1 leaves 1e-8 of a rotation that is none.
    for name in ("ee_rotation_rad", "aperture_m", "relative_1s_m"):
        assert figures[name] == pytest.approx(0.0, abs=1e-6)
    assert figures["within_sigma"] is None


def test_taking_a_moving_camera_as_still_shows_in_the_methods_own_world_only(truth: Truth) -> None:
    figures = summarise(clip_errors(truth, exact(truth)))
    assert figures["own_world_1s_m"] is not None
    assert figures["own_world_1s_m"] > 0.01


def test_hands_too_far_by_a_tenth_are_right_after_one_scale(truth: Truth) -> None:
    hands = exact(truth)
    for side in SIDES:
        hands = changed(hands, side, landmarks_camera=1.1 * hands[side].landmarks_camera)
    figures = summarise(clip_errors(truth, hands))
    depth = np.linalg.norm(np.concatenate([truth.hands[side].landmarks_camera[:, 0] for side in SIDES]), axis=1)
    assert figures["wrist_m"] == pytest.approx(0.1 * np.median(depth), rel=0.05)
    assert figures["wrist_scaled_m"] == pytest.approx(0.0, abs=1e-9)
    assert figures["aligned_m"] == pytest.approx(0.0, abs=1e-9)
    assert figures["root_relative_m"] is not None
    assert figures["root_relative_m"] > 0.003


def test_exchanged_sides_are_found_but_wrong(truth: Truth) -> None:
    hands = exact(truth)
    figures = summarise(clip_errors(truth, {"left": hands["right"], "right": hands["left"]}))
    assert figures["recall"] == 1.0
    assert figures["side_errors"] == 1.0
    assert figures["swapped_arms"] == 2.0
    assert figures["wrist_m"] is None


def test_a_missed_hand_costs_recall_and_an_invented_one_precision() -> None:
    truth = truth_of("static", number=1)  # one person's left hand alone
    hands = exact(truth)
    elsewhere = hands["left"].landmarks_px + [1000.0, 0.0]
    half = len(truth.timestamp_ns) // 2
    seen = hands["left"].landmarks_px.copy()
    seen[:half] = np.nan
    hands = changed(hands, "left", landmarks_px=seen)
    hands = changed(hands, "right", landmarks_px=elsewhere, landmarks_camera=hands["left"].landmarks_camera)
    figures = summarise(clip_errors(truth, hands))
    num_frames = len(truth.timestamp_ns)
    found = num_frames - half
    assert figures["recall"] == pytest.approx(found / num_frames)
    assert figures["precision"] == pytest.approx(found / (found + num_frames))


def test_a_hand_half_out_of_the_picture_counts_neither_way() -> None:
    truth = truth_of("static", number=1)
    hidden = replace(truth.hands["left"], visible=np.zeros(len(truth.timestamp_ns), dtype=bool))
    figures = summarise(clip_errors(replace(truth, hands={**truth.hands, "left": hidden}), exact(truth)))
    assert figures["recall"] is None
    assert figures["precision"] is None


def test_errors_as_large_as_they_are_said_to_be_are_within_one_sigma_two_times_in_three(truth: Truth) -> None:
    rng, sigma = np.random.default_rng(0), np.array([0.01, 0.01, 0.05])
    samples = []
    for _ in range(10):
        hands = exact(truth)
        for side in SIDES:
            points = hands[side].landmarks_camera
            shift = rng.normal(0.0, sigma, (len(points), 1, 3))
            hands = changed(
                hands, side, landmarks_camera=points + shift, sigma_m=np.broadcast_to(sigma, (len(points), 3))
            )
        samples.append(clip_errors(truth, hands))
    figures = summarise(pooled(samples))
    # 10 clips x 2 hands x 22 frames: the share's own standard deviation is 0.022 for one axis.
    assert figures["within_sigma"] == pytest.approx(0.683, abs=0.05)
    assert figures["within_sigma_depth"] == pytest.approx(0.683, abs=0.08)


def test_poses_of_two_episodes_are_not_compared(truth: Truth) -> None:
    hands = exact(truth)
    for side in SIDES:
        hands = changed(hands, side, episode=np.arange(len(truth.timestamp_ns), dtype=float))
    assert summarise(clip_errors(truth, hands))["relative_1s_m"] is None


def test_alignment_undoes_any_similarity() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(5, 21, 3))
    moved = 0.7 * points @ matrix_from_rotvec([0.3, -1.0, 2.0]).T + [1.0, 2.0, 3.0]
    np.testing.assert_allclose(aligned(points, moved), moved, atol=1e-12)
    mirrored = points * [-1.0, 1.0, 1.0]
    assert np.abs(aligned(mirrored, points) - points).max() > 0.1


def test_the_jerk_of_a_cubic_is_its_third_derivative() -> None:
    seconds = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5])
    positions = np.stack([2.0 * seconds**3, seconds**2, np.ones(6)], axis=1)
    positions[5] = np.nan
    np.testing.assert_allclose(jerk_m_s3((seconds * 1e9).astype(np.int64), positions), [12.0, 12.0], rtol=1e-6)
