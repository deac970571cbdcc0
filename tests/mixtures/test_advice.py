"""Each warning comes where it is deserved, and only there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import make_episode, write_source

from humandata.geometry.transforms import make_transform
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.episode import Episode
from humandata.schemas.mixture import ActionSpace

OPTIONS = MixOptions(action_space=ActionSpace(horizon=2), held_out_fraction=0.0)


def paced(episode: Episode, speed: float) -> Episode:
    """The same episode, its arm moving along a line at `speed` (m/s)."""
    seconds = (episode.timestamp_ns - episode.timestamp_ns[0])[:, None] / 1e9
    position = seconds * [speed, 0.0, 0.0]
    moved = {
        side: replace(arm, T_world_ee=make_transform(np.eye(3), position), hand=None)
        for side, arm in episode.arms.items()
    }
    return replace(episode, arms=moved)


def hands(folder: Path, speed: float = 0.2, num_episodes: int = 3, task: str = "push", **provenance: Any) -> None:
    """A human source; it holds a thousand training steps where there are three episodes."""
    episodes = [
        paced(make_episode(seed, "human_hands", num_steps=350, task=task), speed) for seed in range(num_episodes)
    ]
    write_source(
        folder / "hands", [replace(each, provenance=replace(each.provenance, **provenance)) for each in episodes]
    )


def robot(folder: Path, speed: float = 0.2, num_episodes: int = 3, num_steps: int = 350, task: str = "push") -> None:
    write_source(
        folder / "robot",
        [paced(make_episode(seed, num_steps=num_steps, task=task), speed) for seed in range(num_episodes)],
    )


def no_robot_ratio(options: MixOptions) -> MixOptions:
    return replace(options, robot_ratio=0.0)


def mask_rotation(options: MixOptions) -> MixOptions:
    return replace(options, mask_rotations=("hands",))


def many_repeats(options: MixOptions) -> MixOptions:
    return replace(options, robot_ratio=0.95)


def as_it_is(options: MixOptions) -> MixOptions:
    return options


def both(folder: Path) -> None:
    hands(folder)
    robot(folder)


def fast_hands(folder: Path) -> None:
    hands(folder, speed=0.4)
    robot(folder)


def other_task(folder: Path) -> None:
    hands(folder, task="fold")
    robot(folder)


def few_steps(folder: Path) -> None:
    hands(folder)
    robot(folder, num_steps=100)


def one_episode(folder: Path) -> None:
    hands(folder)
    robot(folder, num_episodes=1, num_steps=1050)


def assumed_lens(folder: Path) -> None:
    hands(folder, intrinsics="assumed")
    robot(folder)


def estimated(folder: Path) -> None:
    hands(folder, estimator="mediapipe", weights_sha256="0" * 64)
    robot(folder)


@pytest.mark.parametrize(
    ("write", "change", "warnings"),
    [
        (both, as_it_is, []),
        (both, no_robot_ratio, ["'robot': left out, because their group has the ratio 0"]),
        (both, many_repeats, ["robot: passed 19 times for each pass over the source passed least"]),
        (fast_hands, as_it_is, ["human data moves 2.0 times as fast as robot data .*--slowdown hands=2"]),
        (
            other_task,
            as_it_is,
            [
                "1 of 1 tasks of human are in no other group: 'fold'",
                "1 of 1 tasks of robot are in no other group: 'push'",
            ],
        ),
        (few_steps, as_it_is, ["franka_panda: its normalisation rests on as few as 297 training steps"]),
        (one_episode, as_it_is, ["robot: no episode is held out, because there is only one"]),
        (assumed_lens, as_it_is, ["hands: the intrinsics of 3 of 3 episodes are assumed"]),
        (estimated, as_it_is, ["hands: rotations are estimated from one camera.*--mask-rotation hands"]),
        (estimated, mask_rotation, []),
    ],
)
def test_a_warning_comes_where_it_is_deserved(
    tmp_path: Path,
    write: Callable[[Path], None],
    change: Callable[[MixOptions], MixOptions],
    warnings: list[str],
) -> None:
    write(tmp_path / "shards")
    summary = mix([tmp_path / "shards"], tmp_path / "mixture.json", change(OPTIONS))
    assert len(summary.warnings) == len(warnings), summary.warnings
    for warning, expected in zip(summary.warnings, warnings, strict=True):
        assert re.match(expected, warning), warning
