"""A mixture can be made of folders, sources, patterns and other mixtures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from builders import make_episode, write_source

from humandata.errors import DatasetError, HumandataError, UsageError
from humandata.mixtures.inputs import find_inputs, inherited_options
from humandata.mixtures.mix import mix
from humandata.mixtures.option_text import parse_curriculum
from humandata.mixtures.options import MixOptions
from humandata.report.mixing import make_options
from humandata.schemas.mixture import ActionSpace, read_mixture

TERMS = MixOptions(
    ratios={"arms": 0.7, "human": 0.3},
    groups={"robot": "arms"},
    unit="seconds",
    batch_size=12,
    action_space=ActionSpace(horizon=3, rate_hz=10.0, human_gripper="aperture"),
    image_size_px=96,
    held_out_fraction=0.4,
    split="scene",
    seed=5,
    max_repeats=7.0,
    weights={"robot": 2.0},
    where="num_steps > 3",
    tasks=("p*",),
    slowdowns={"hands": 1.5},
    mask_rotations=("hands",),
    static_cameras=("hands",),
)


def test_inputs_are_folders_sources_patterns_and_mixtures(shards: Path, tmp_path: Path) -> None:
    mix([shards], tmp_path / "mixture.json", MixOptions())
    for inputs in (
        [shards],
        [shards / "hands", shards / "robot" / "source.json"],
        [shards / "*"],
        [tmp_path / "**" / "h*s", shards / "rob?t"],
        [tmp_path / "mixture.json"],
        [tmp_path / "mix*.json", shards],
    ):
        assert [source.document.name for source in find_inputs(inputs)] == ["hands", "robot"]


def test_a_mixture_of_a_mixture_is_the_same(shards: Path, tmp_path: Path) -> None:
    curriculum = MixOptions(curriculum=parse_curriculum("9:0.9,99:0.5", "robot"), action_space=ActionSpace(horizon=2))
    for options in (TERMS, curriculum):
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        mix([shards], tmp_path / "mixture.json", options)
        mix([tmp_path / "mixture.json"], tmp_path / "again.json", make_options([tmp_path / "mixture.json"], {}))
        assert (tmp_path / "again.json").read_bytes() == (tmp_path / "mixture.json").read_bytes()


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"seed": 9}, {"seed": 9}),
        ({"horizon": 8}, {"action_space": ActionSpace(horizon=8, rate_hz=10.0, human_gripper="aperture")}),
        ({"robot_ratio": 0.4}, {"robot_ratio": 0.4, "ratios": {}}),
        ({"slowdowns": {"robot": 2.0}}, {"slowdowns": {"hands": 1.5, "robot": 2.0}}),
        ({"mask_rotations": ("robot",)}, {"mask_rotations": ("hands", "robot")}),
        ({"size_alpha": 0.5}, {"size_alpha": 0.5, "weights": {}}),
    ],
)
def test_what_is_given_goes_before_what_the_mixture_says(
    shards: Path, tmp_path: Path, given: dict[str, Any], changed: dict[str, Any]
) -> None:
    path = tmp_path / "mixture.json"
    mix([shards], path, TERMS)
    inherited = vars(inherited_options([path], {}))
    assert vars(make_options([path], given)) == inherited | changed


def test_sizes_are_measured_again_and_new_sources_join_their_group(shards: Path, tmp_path: Path) -> None:
    path = tmp_path / "mixture.json"
    mix([shards], path, MixOptions(robot_ratio=0.8, held_out_fraction=0.0))
    write_source(tmp_path / "more", [make_episode(7, num_steps=101)])
    write_source(shards / "robot", [make_episode(seed) for seed in range(4, 6)])
    inputs = [path, tmp_path / "more"]
    mix(inputs, path, make_options(inputs, {}))
    mixture = read_mixture(path)
    assert mixture.groups == {"robot": 0.8, "human": 0.2}
    assert {source.name: source.weight for source in mixture.sources} == {"hands": 156, "robot": 234, "more": 100}


def test_terms_that_mixtures_differ_in_have_to_be_given(shards: Path, tmp_path: Path) -> None:
    for name, seed in (("a.json", 0), ("b.json", 1)):
        mix([shards], tmp_path / name, MixOptions(seed=seed))
    inputs = [tmp_path / "a.json", tmp_path / "b.json"]
    with pytest.raises(UsageError, match=r"a.json and .*b.json differ in --seed \(0 and 1\); say which: --seed"):
        inherited_options(inputs, {})
    assert make_options(inputs, {"seed": 4}).seed == 4
    mix([shards], tmp_path / "b.json", MixOptions(action_space=ActionSpace(horizon=9)))
    with pytest.raises(UsageError, match=r"differ in --horizon \(50 and 9\)"):
        inherited_options(inputs, {})
    assert make_options(inputs, {"horizon": 7}).action_space == ActionSpace(horizon=7)


def test_a_dry_run_writes_no_manifest(shards: Path, tmp_path: Path) -> None:
    dry = mix([shards], tmp_path / "mixture.json", MixOptions(), dry_run=True)
    assert not list(tmp_path.glob("mixture*"))
    assert mix([shards], tmp_path / "mixture.json", MixOptions()) == dry


def rename(shards: Path) -> list[Path]:
    """The same source in two places."""
    write_source(shards.parent / "copy" / "robot", [make_episode(9)])
    return [shards, shards.parent / "copy"]


def remove(shards: Path) -> list[Path]:
    """A mixture whose source is gone."""
    mix([shards], shards.parent / "mixture.json", MixOptions())
    (shards / "robot").rename(shards.parent / "away")
    return [shards.parent / "mixture.json"]


def older(shards: Path) -> list[Path]:
    """A source of another schema beside one of ours."""
    return [edit(shards, "schema_version", "0.9")]


def unknown_body(shards: Path) -> list[Path]:
    """A source of an embodiment that nobody registered."""
    return [edit(shards, "embodiments", ["franka_pandas"])]


def edit(shards: Path, field: str, value: object) -> Path:
    document = json.loads((shards / "robot" / "source.json").read_text())
    (shards / "robot" / "source.json").write_text(json.dumps(document | {field: value}))
    return shards


@pytest.mark.parametrize(
    ("prepare", "error", "message"),
    [
        (rename, UsageError, "2 sources are named 'robot'"),
        (lambda shards: [shards / "nothing*"], UsageError, "matches nothing"),
        (lambda shards: [shards / "nothing"], DatasetError, "no shards here.*humandata extract"),
        (lambda shards: [shards / "nothing.json"], DatasetError, "no mixture here"),
        (remove, DatasetError, "source 'robot' of the mixture is gone"),
        (older, DatasetError, "robot: written with schema version 0.9; this version reads .*again"),
        (unknown_body, DatasetError, "robot: unknown embodiment 'franka_pandas'. Did you mean 'franka_panda'"),
    ],
)
def test_what_cannot_be_mixed_is_named(shards: Path, prepare: Any, error: type[HumandataError], message: str) -> None:
    with pytest.raises(error, match=message):
        mix(prepare(shards), shards.parent / "out.json", MixOptions())
