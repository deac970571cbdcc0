"""A difference names what was changed and what followed from it, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import make_episode, write_source

from humandata.mixtures.diff import difference
from humandata.mixtures.mix import mix
from humandata.mixtures.option_text import parse_curriculum
from humandata.mixtures.options import MixOptions
from humandata.schemas.mixture import ActionSpace, Mixture, read_mixture

OPTIONS = MixOptions(robot_ratio=0.8, action_space=ActionSpace(horizon=3))


def mixture(shards: Path, options: MixOptions = OPTIONS) -> Mixture:
    out = shards.parent / "mixture.json"
    mix([shards], out, options)
    return read_mixture(out)


def in_words(old: Mixture, new: Mixture) -> list[str]:
    return [change.in_words() for change in difference(old, new)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (OPTIONS, []),
        (replace(OPTIONS, seed=3), ["seed: 0 -> 3"]),
        (
            replace(OPTIONS, robot_ratio=0.5),
            [
                "ratio of human: 0.2 -> 0.5",
                "ratio of robot: 0.8 -> 0.5",
                "source hands, share of samples: 20.00% -> 50.00%",
                "source robot, share of samples: 80.00% -> 50.00%",
            ],
        ),
        (
            replace(OPTIONS, robot_ratio=None, curriculum=parse_curriculum("0:0.8", "robot")),
            ["curriculum: added (robot 0:0.8)"],
        ),
        (
            replace(OPTIONS, batch_size=8, unit="episodes", weights={"hands": 1.0, "robot": 117.0}),
            [
                "unit of ratios and weights: samples -> episodes",
                "batch size: 64 -> 8",
                "source hands, weight: 117 -> 1",
            ],
        ),
    ],
)
def test_terms_are_told_with_what_follows_from_them(shards: Path, options: MixOptions, expected: list[str]) -> None:
    assert in_words(mixture(shards), mixture(shards, options)) == expected


def test_sources_steps_and_statistics_are_told(shards: Path) -> None:
    old = mixture(shards)
    write_source(shards / "robot", [make_episode(seed, num_steps=50) for seed in range(20, 25)])
    write_source(shards / "new", [make_episode(9, "franka_panda_robotiq_2f85")])
    new = mixture(shards, replace(OPTIONS, slowdowns={"hands": 2.0}, mask_rotations=("hands",)))
    told = "\n".join(in_words(old, new))
    for line in (
        "source new: added (robot, 39 training steps)",
        "source robot, content (fingerprint): ",
        "source robot, training steps: 117 -> 352",
        "source robot, training episodes: 3 -> 8",
        "source hands, slowdown: 1 -> 2",
        "source hands, mask rotation: False -> True",
        "human_hands, action right_rot6d: known -> masked",
        "normalisation of franka_panda_robotiq_2f85: added",
        "of the width of q01..q99",
    ):
        assert line in told, told
    assert "source new: removed (robot, 39 training steps)" in in_words(new, old)


def test_the_same_number_of_other_steps_is_told(shards: Path) -> None:
    old = mixture(shards)
    index = old.index.model_copy(update={"sha256": "1" * 64})
    assert in_words(old, old.model_copy(update={"index": index})) == [
        f"eligible steps: {old.index.sha256[:12]} -> 111111111111: as many, but others"
    ]
