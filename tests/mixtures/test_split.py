"""Which episodes are held out depends on their ids, and leaves something on both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from builders import make_episode, write_source
from hypothesis import given
from hypothesis import strategies as st

from humandata.errors import UsageError
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.split import held_out_keys
from humandata.mixtures.step_index import open_index
from humandata.schemas.mixture import ActionSpace, read_mixture

IDS = st.sets(st.text("0123456789abcdef", min_size=4, max_size=6), max_size=40)


@given(ids=IDS, fraction=st.floats(0.01, 0.99))
def test_two_or_more_episodes_leave_some_on_each_side(ids: set[str], fraction: float) -> None:
    held_out = held_out_keys(ids, fraction)
    assert held_out <= ids
    if len(ids) >= 2:
        assert 0 < len(held_out) < len(ids)
    else:
        assert not held_out


@given(ids=IDS)
def test_order_does_not_matter_and_zero_holds_out_none(ids: set[str]) -> None:
    assert held_out_keys(sorted(ids), 0.3) == held_out_keys(sorted(ids, reverse=True), 0.3)
    assert not held_out_keys(ids, 0.0)


def test_the_fraction_is_held_out_and_stays_so_when_episodes_come() -> None:
    ids = [f"{number:016x}" for number in range(5000)]
    held_out = held_out_keys(ids, 0.1)
    # Five standard deviations of a binomial of 5000 at 0.1.
    assert abs(len(held_out) - 500) < 5 * 21.3
    assert held_out_keys(ids[:2500], 0.1) == held_out & set(ids[:2500])


def mixed(tmp_path: Path, options: MixOptions) -> dict[str, tuple[set[str], set[str]]]:
    """The tasks of each source's training and held-out episodes."""
    mix([tmp_path / "shards"], tmp_path / "mixture.json", options)
    mixture = read_mixture(tmp_path / "mixture.json")
    index = open_index(mixture, tmp_path)

    def tasks(source: int, held_out: bool) -> set[str]:
        part = index.spans(source, held_out)
        return set(index.texts("task", np.arange(part.start, part.stop)))

    return {source.name: (tasks(number, False), tasks(number, True)) for number, source in enumerate(mixture.sources)}


def test_a_task_is_held_out_of_all_sources_alike(tmp_path: Path) -> None:
    for name, embodiment in (("hands", "human_hands"), ("robot", "franka_panda")):
        tasks = [f"task {number}" for number in range(8)]
        episodes = [make_episode(seed, embodiment, 8, task=task) for seed, task in enumerate([*tasks, *tasks[:4]])]
        write_source(tmp_path / "shards" / name, [replace(episodes[0], task=None), *episodes[1:]])
    options = MixOptions(split="task", held_out_fraction=0.3, action_space=ActionSpace(horizon=2))
    parts = mixed(tmp_path, options)
    held_out = parts["hands"][1]
    assert 0 < len(held_out) < 8
    assert parts["robot"][1] == held_out
    for training, out in parts.values():
        assert not training & out
        assert "" in training, "episodes without a task are trained on"
    # Whatever else is in the mixture, and from run to run: the choice follows from the tasks.
    assert mixed(tmp_path, replace(options, robot_ratio=1.0))["robot"] == parts["robot"]


def test_what_was_cut_from_one_recording_stays_together(tmp_path: Path) -> None:
    """Four recordings of three episodes, which a task names."""
    episodes = []
    for number in range(12):
        recording = f"{number // 3}" * 64
        episode = make_episode(number, "human_hands", 8, task=f"recording {number // 3}")
        episodes.append(replace(episode, input_sha256=recording, input=f"{number}"))
    write_source(tmp_path / "shards" / "hands", episodes)
    options = MixOptions(split="scene", held_out_fraction=0.3, action_space=ActionSpace(horizon=2))
    training, held_out = mixed(tmp_path, options)["hands"]
    assert training
    assert held_out
    assert not training & held_out
    training, held_out = mixed(tmp_path, replace(options, split="episode"))["hands"]
    assert training & held_out, "episodes of one recording are on both sides where episodes are split"


def test_a_group_whose_every_task_is_held_out_is_named(tmp_path: Path) -> None:
    tasks = [f"task {number}" for number in range(8)]
    write_source(
        tmp_path / "shards" / "hands",
        [make_episode(seed, "human_hands", 8, task=task) for seed, task in enumerate(tasks)],
    )
    (held_out, *_) = held_out_keys(tasks, 0.1)
    write_source(tmp_path / "shards" / "robot", [make_episode(0, num_steps=8, task=held_out)])
    with pytest.raises(UsageError, match="every robot task is held out; lower --held-out"):
        mixed(tmp_path, MixOptions(split="task", action_space=ActionSpace(horizon=2)))
