"""Any groups can have ratios, and a ratio that cannot be met is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from builders import RECIPE, make_episode, write_source

from humandata.dataset.compile import compile_source
from humandata.errors import DatasetError, HumandataError, UsageError
from humandata.mixtures.mix import mix
from humandata.mixtures.option_text import parse_curriculum
from humandata.mixtures.options import MixOptions
from humandata.mixtures.sampler import MixtureSampler
from humandata.schemas.mixture import ActionSpace, read_mixture

SHORT = ActionSpace(horizon=2)


@pytest.fixture
def shards(shards: Path) -> Path:
    """With a second robot of another embodiment."""
    write_source(shards / "other_robot", [make_episode(seed, "franka_panda_robotiq_2f85") for seed in range(3)])
    return shards


def mixed(shards: Path, out: Path, options: MixOptions) -> dict[str, float]:
    """How many of 1000 samples each source has."""
    mix([shards], out, options)
    mixture = read_mixture(out)
    counts = np.bincount(MixtureSampler(mixture).samples(np.arange(1000))[0], minlength=len(mixture.sources))
    return {source.name: int(count) for source, count in zip(mixture.sources, counts, strict=True)}


def test_robots_of_several_embodiments_share_the_robots_ratio(shards: Path, tmp_path: Path) -> None:
    out = tmp_path / "mixture.json"
    drawn = mixed(shards, out, MixOptions(robot_ratio=0.8, action_space=SHORT, weights={"robot": 1, "other_robot": 3}))
    assert drawn == {"hands": 200, "other_robot": 600, "robot": 200}
    assert read_mixture(out).embodiments == ("franka_panda", "franka_panda_robotiq_2f85", "human_hands")


def test_groups_of_ones_own_have_ratios_and_share_what_is_left_alike(shards: Path, tmp_path: Path) -> None:
    options = MixOptions(groups={"*robot": "arms", "other*": "new"}, ratios={"arms": 0.5}, action_space=SHORT)
    assert mixed(shards, tmp_path / "mixture.json", options) == {"hands": 250, "other_robot": 250, "robot": 500}
    assert read_mixture(tmp_path / "mixture.json").groups == {"arms": 0.5, "human": 0.25, "new": 0.25}
    options = MixOptions(groups={"hands": "all", "*robot": "all"}, action_space=SHORT)
    assert sum(mixed(shards, tmp_path / "mixture.json", options).values()) == 1000


def test_a_curriculum_is_frozen_with_the_mixture(shards: Path, tmp_path: Path) -> None:
    options = MixOptions(curriculum=parse_curriculum("0:1,1000:0.5", "robot"), action_space=SHORT)
    drawn = mixed(shards, tmp_path / "mixture.json", options)
    assert drawn["hands"] == 250
    mixture = read_mixture(tmp_path / "mixture.json")
    assert mixture.groups == {"human": 0.5, "robot": 0.5}
    assert mixture.curriculum is not None
    assert mixture.curriculum.others == {"human": 1.0}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (MixOptions(ratios={"robit": 0.5}), UsageError, "unknown group 'robit'. Did you mean 'robot'"),
        (MixOptions(ratios={"robot": 0.7, "human": 0.7}), UsageError, "sum to 1.4, not to 1"),
        (MixOptions(ratios={"robot": 0.2, "human": 0.7}), UsageError, "sum to 0.9, .*Groups: human, robot"),
        (MixOptions(ratios={"robot": -0.2}), UsageError, "the ratio of 'robot' is a share, from 0 to 1"),
        (MixOptions(groups={"arm*": "arms"}), UsageError, r"unknown source 'arm\*'.*Valid: hands"),
        (MixOptions(groups={"*robot": "arms"}, robot_ratio=0.5), DatasetError, "no robot data"),
        (MixOptions(curriculum=parse_curriculum("x=0:1", "robot")), UsageError, "unknown group 'x'"),
        (
            MixOptions(curriculum=parse_curriculum("0:1", "robot"), robot_ratio=0.5),
            UsageError,
            "ratio of 'robot' is given twice",
        ),
        (
            MixOptions(curriculum=parse_curriculum("robot=9:1,3:0", "robot")),
            UsageError,
            "--curriculum: .*must increase",
        ),
        (
            MixOptions(curriculum=parse_curriculum("0:1", "robot"), groups={"hands": "robot"}),
            UsageError,
            "no group besides 'robot'",
        ),
    ],
)
def test_a_ratio_that_cannot_be_met_is_named(
    shards: Path, tmp_path: Path, options: MixOptions, error: type[HumandataError], message: str
) -> None:
    with pytest.raises(error, match=message):
        mix([shards], tmp_path / "mixture.json", options)
    assert not (tmp_path / "mixture.json").exists()


@pytest.mark.parametrize("text", ["", "0", "0:x", "0:0.5:1", "0:1.5", "-1:0.5", "0:0.12345678"])
def test_a_curriculum_that_is_no_list_of_points_shows_how_it_is_written(text: str) -> None:
    with pytest.raises(UsageError, match=r"SAMPLE:RATIO,SAMPLE:RATIO,\.\.\., such as 0:0.95,100000:0.5"):
        parse_curriculum(text, "robot")


def test_a_source_of_which_nothing_was_kept_is_named_as_such(tmp_path: Path) -> None:
    compile_source(tmp_path / "shards" / "hands", "hands", "human_video", "test", RECIPE)
    with pytest.raises(DatasetError, match=r"none was kept\. `humandata inspect .*hands` says what was rejected"):
        mix([tmp_path / "shards"], tmp_path / "mixture.json", MixOptions(action_space=SHORT))
