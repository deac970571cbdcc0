"""Every estimator, with its real model on frames the studio renders: the contract, and whether it finds the hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from humandata.arrays import Image
from humandata.errors import UsageError
from humandata.hands import ESTIMATORS, make_estimator
from humandata.hands.estimator import DetectSettings, HandDetection, HandEstimator
from humandata.hands.hamer_files import list_hamer_models, missing_packages
from humandata.hands.weights import verify
from humandata.schemas.landmarks import SIDES
from humandata.studio.clip import Clip, ClipOptions, plan_clip, render_clip
from humandata.studio.clip_truth import clip_truth
from humandata.studio.scene import PlaceTask
from humandata.studio.truth import Truth

NUM_FRAMES = 3
FRAME_NS = 40_000_000

HAMER_LACKS = bool(missing_packages()) or "missing" in {status.state for status in list_hamer_models()}
NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(name == "hamer" and HAMER_LACKS, reason="no HaMeR: docs/hamer.md"))
    for name in ESTIMATORS
]

needs_weights = pytest.mark.skipif(
    verify("hand_landmarker").state not in {"given", "cached"},
    reason="no weights: run `humandata models --fetch`",
)


@pytest.fixture(scope="module")
def clip() -> Clip:
    task = PlaceTask("blue", "right")
    return plan_clip(1, ClipOptions(task, moving_camera=False, second_hand=True, max_duration_s=NUM_FRAMES / 25))


@pytest.fixture(scope="module")
def images(clip: Clip) -> list[Image]:
    return [rendering.image for rendering in render_clip(clip)]


@pytest.fixture(scope="module")
def truth(clip: Clip) -> Truth:
    return clip_truth(clip)


def estimator_named(name: str) -> HandEstimator:
    return make_estimator(DetectSettings(estimator=name))


def track(estimator: HandEstimator, images: list[Image], frame_ns: int = FRAME_NS) -> list[tuple[HandDetection, ...]]:
    return list(estimator.track((index * frame_ns, image) for index, image in enumerate(images)))


def same(a: list[tuple[HandDetection, ...]], b: list[tuple[HandDetection, ...]]) -> bool:
    return [len(hands) for hands in a] == [len(hands) for hands in b] and all(
        x.side == y.side
        and x.score == y.score
        and np.array_equal(x.landmarks_px, y.landmarks_px)
        and np.array_equal(x.landmarks_hand, y.landmarks_hand)
        for hands_a, hands_b in zip(a, b, strict=True)
        for x, y in zip(hands_a, hands_b, strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_constructor_needs_no_weights(name: str) -> None:
    estimator = make_estimator(DetectSettings(estimator=name), Path("/nowhere/weights"))
    assert estimator.name == name
    assert estimator.version


def test_an_unknown_estimator_is_told_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="Did you mean 'mediapipe'"):
        make_estimator(DetectSettings(estimator="mediapip"))


OF_A_LAB = """
class Nothing:
    name, version, weights_sha256, memory_bytes = "nothing", "1.0", "0" * 64, 1 << 30
    def __init__(self, settings, weights=None): self.num_hands = settings.num_hands
    def setup(self): pass
    def track(self, frames, camera=None):
        for _ in frames:
            yield ()

class Unfinished:
    name = "unfinished"
"""


def test_an_estimator_of_ones_own_is_named_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "humandata_test_lab.py").write_text(OF_A_LAB)
    monkeypatch.syspath_prepend(tmp_path)
    estimator = make_estimator(DetectSettings(estimator="humandata_test_lab:Nothing"))
    assert estimator.name == "nothing"
    assert track(estimator, [np.zeros((8, 8, 3), np.uint8)] * 2) == [(), ()]
    for place, told in (
        ("humandata_test_lab:Nothin", "Nothin is not in humandata_test_lab"),
        ("humandata_test_lab:Unfinished", "has no memory_bytes, version, weights_sha256, setup, track"),
        ("humandata_absent.hands:Estimator", "no module named 'humandata_absent'"),
    ):
        with pytest.raises(UsageError, match=told):
            make_estimator(DetectSettings(estimator=place))


@needs_weights
@pytest.mark.parametrize("name", NAMES)
def test_one_result_a_frame_and_nothing_kept_between_videos(name: str, images: list[Image]) -> None:
    estimator = estimator_named(name)
    estimator.setup()
    assert len(estimator.weights_sha256) == 64
    first = track(estimator, images)
    assert len(first) == len(images)
    assert same(first, track(estimator, images))
    assert track(estimator, []) == []
    for hand in (hand for hands in first for hand in hands):
        assert hand.side in SIDES
        assert 0.0 <= hand.score <= 1.0
        assert hand.landmarks_px.shape == (21, 2)
        assert hand.landmarks_hand.shape == (21, 3)


@needs_weights
@pytest.mark.parametrize("name", NAMES)
def test_timestamps_closer_than_a_millisecond_are_taken(name: str, images: list[Image]) -> None:
    assert len(track(estimator_named(name), images, frame_ns=100_000)) == len(images)


@needs_weights
@pytest.mark.parametrize("name", NAMES)
def test_hands_are_found_on_their_anatomical_side_and_in_their_place(
    name: str, images: list[Image], truth: Truth
) -> None:
    found = track(estimator_named(name), images)
    for index, hands in enumerate(found):
        assert hands
        for hand in hands:
            landmarks = truth.hands[hand.side].landmarks_px[index]
            error = np.linalg.norm(hand.landmarks_px - landmarks, axis=-1).mean()
            # Measured at 3 to 9 px on the studio's frames, where a hand is 100 to 200 px across.
            assert error < 0.1 * np.linalg.norm(np.ptp(landmarks, axis=0))


@needs_weights
@pytest.mark.parametrize("name", NAMES)
def test_an_empty_picture_has_no_hand(name: str) -> None:
    assert track(estimator_named(name), [np.full((120, 160, 3), 128, dtype=np.uint8)]) == [()]
