"""Every filter: what a good episode gets, and one that is bad in that filter's way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from builders import make_episode

from humandata.errors import UsageError
from humandata.filters import FILTERS, judge, make_filters
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform
from humandata.schemas.episode import ArmTrack, Episode

EVERY_RULE: dict[str, dict[str, float]] = {name: {} for name in FILTERS}


def good_episode() -> Episode:
    """Two seconds of a hand in the middle of the picture, large enough."""
    episode = make_episode(0, "human_hands", num_steps=40, rate_hz=20.0)
    rng = np.random.default_rng(0)
    assert episode.camera is not None
    centre = np.array([episode.camera.width, episode.camera.height]) / 2.0
    spread = rng.uniform(-0.2, 0.2, (40, 21, 2)) * [episode.camera.width, episode.camera.height]
    arm = episode.arms["right"]
    assert arm.hand is not None
    return with_arm(episode, replace(arm, hand=replace(arm.hand, landmarks_px=centre + spread)))


def with_arm(episode: Episode, arm: ArmTrack) -> Episode:
    return replace(episode, arms={"right": arm})


def too_short(episode: Episode) -> Episode:
    return replace(episode, timestamp_ns=episode.timestamp_ns // 4)


def unsure(episode: Episode) -> Episode:
    return with_arm(episode, replace(episode.arms["right"], confidence=np.full(40, 0.3)))


def mostly_filled(episode: Episode) -> Episode:
    return with_arm(episode, replace(episode.arms["right"], interpolated=np.arange(40) % 2 == 0))


def flipping(episode: Episode) -> Episode:
    turns = matrix_from_rotvec(np.outer(np.arange(40) % 2, [0.0, 0.0, np.pi - 0.1]))
    T_world_ee = make_transform(turns, episode.arms["right"].T_world_ee[:, :3, 3])
    return with_arm(episode, replace(episode.arms["right"], T_world_ee=T_world_ee))


def flying(episode: Episode) -> Episode:
    T_world_ee = episode.arms["right"].T_world_ee.copy()
    T_world_ee[::2, 2, 3] += 0.5
    return with_arm(episode, replace(episode.arms["right"], T_world_ee=T_world_ee))


def at_the_border(episode: Episode) -> Episode:
    arm = episode.arms["right"]
    assert arm.hand is not None
    return with_arm(episode, replace(arm, hand=replace(arm.hand, landmarks_px=arm.hand.landmarks_px + [30.0, 0.0])))


def tiny(episode: Episode) -> Episode:
    arm = episode.arms["right"]
    assert arm.hand is not None
    middle = arm.hand.landmarks_px.mean(axis=1, keepdims=True)
    small = middle + (arm.hand.landmarks_px - middle) * 0.05
    return with_arm(episode, replace(arm, hand=replace(arm.hand, landmarks_px=small)))


FAULTS: dict[str, Callable[[Episode], Episode]] = {
    "angular_speed": flipping,
    "border": at_the_border,
    "confidence": unsure,
    "coverage": mostly_filled,
    "duration": too_short,
    "hand_size": tiny,
    "speed": flying,
}


def test_every_filter_has_a_fault_to_find() -> None:
    assert set(FAULTS) == set(FILTERS)


@pytest.mark.parametrize("name", FILTERS)
def test_a_good_episode_is_kept(name: str) -> None:
    assert judge(good_episode(), make_filters({name: {}})) is None


@pytest.mark.parametrize("name", FILTERS)
def test_a_faulty_episode_is_turned_away_with_value_and_limit(name: str) -> None:
    (rule,) = make_filters({name: {}})
    verdict = rule.judge(FAULTS[name](good_episode()))
    assert verdict is not None
    assert verdict.rule == name
    assert verdict.reason
    assert np.isfinite(verdict.value)
    assert verdict.limit == rule.limit
    assert (verdict.value < verdict.limit) if rule.at_least else (verdict.value > verdict.limit)


@pytest.mark.parametrize("name", FILTERS)
def test_a_robot_without_landmarks_is_judged_too(name: str) -> None:
    assert judge(make_episode(0, "franka_panda"), make_filters({name: {}})) is None


@pytest.mark.parametrize("name", FILTERS)
def test_an_arm_that_is_never_valid_does_not_stop_a_filter(name: str) -> None:
    episode = good_episode()
    absent = replace(
        episode.arms["right"],
        valid=np.zeros(40, dtype=bool),
        T_world_ee=np.full((40, 4, 4), np.nan),
        confidence=np.full(40, np.nan),
        hand=None,
    )
    episode = replace(episode, arms={"left": absent, **episode.arms})
    assert judge(episode, make_filters({name: {}})) is None


def test_the_first_rule_in_the_registrys_order_gives_the_verdict() -> None:
    verdict = judge(unsure(too_short(good_episode())), make_filters(dict(reversed(EVERY_RULE.items()))))
    assert verdict is not None
    assert verdict.rule == "confidence"


def test_a_rule_that_is_not_named_is_not_applied() -> None:
    assert judge(too_short(good_episode()), make_filters({"confidence": {}})) is None


def test_wrong_names_and_values_are_told() -> None:
    with pytest.raises(UsageError, match="Did you mean 'duration'"):
        make_filters({"durations": {}})
    with pytest.raises(UsageError, match="did you mean 'min_s'"):
        make_filters({"duration": {"min": 1.0}})
    with pytest.raises(UsageError, match="min_mean"):
        make_filters({"confidence": {"min_mean": 1.5}})
