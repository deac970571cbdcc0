"""Long chunks take no more memory than short ones, and those that no episode fills are refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from builders import make_episode, write_source

from humandata.actions import ACTION_LAYOUT
from humandata.errors import UsageError
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.mixture import ActionSpace, read_mixture

RATE_HZ, NUM_STEPS = 20.0, 300
LONGEST = 448
"""Targets at 30 Hz within 299 steps at 20 Hz, which are 14.95 s."""


@pytest.fixture
def long(tmp_path: Path) -> Path:
    """A shard folder with two episodes of a robot, of which one is long."""
    episodes = [make_episode(0, num_steps=NUM_STEPS, rate_hz=RATE_HZ), make_episode(1, rate_hz=RATE_HZ)]
    write_source(tmp_path / "shards" / "robot", episodes)
    return tmp_path / "shards"


def options_of(horizon: int, **more: Any) -> MixOptions:
    return MixOptions(action_space=ActionSpace(horizon=horizon), held_out_fraction=0.0, **more)


def peak_bytes(shards: Path, horizon: int) -> int:
    """The most memory that a mixture of the shards takes."""
    tracemalloc.start()
    try:
        mix([shards], shards.parent / "mixture.json", options_of(horizon))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_horizon(long: Path) -> None:
    # Both encode as many targets at once; a step less in a block is the most that they can differ by.
    assert peak_bytes(long, LONGEST) < 1.2 * peak_bytes(long, 85)


def test_chunks_may_be_as_long_as_the_longest_episode_and_no_longer(long: Path, tmp_path: Path) -> None:
    out = tmp_path / "mixture.json"
    mix([long], out, options_of(LONGEST))
    known = read_mixture(out).normalization["franka_panda"].action.num_values[ACTION_LAYOUT["right_position"]]
    # From every step all targets up to the episode's end are known, from the long one's first step all there are.
    assert set(known) == {sum(int((last - step) * 1.5) for last in (NUM_STEPS - 1, 39) for step in range(last))}
    with pytest.raises(UsageError, match=r"--horizon 449: no episode.* 448 targets; ask for at most --horizon 448"):
        mix([long], out, options_of(LONGEST + 1))
    mix([long], out, options_of(2 * LONGEST, slowdowns={"robot": 2.0}))
    with pytest.raises(UsageError, match=r"at most --horizon 897"):
        mix([long], out, options_of(100_000, slowdowns={"robot": 2.0}))


def test_the_default_suits_any_episode(tmp_path: Path) -> None:
    write_source(tmp_path / "shards" / "robot", [make_episode(seed, num_steps=3, rate_hz=RATE_HZ) for seed in range(2)])
    mix([tmp_path / "shards"], tmp_path / "mixture.json", options_of(50))
    with pytest.raises(UsageError, match=r"has 3 targets; ask for at most --horizon 50"):
        mix([tmp_path / "shards"], tmp_path / "mixture.json", options_of(51))
