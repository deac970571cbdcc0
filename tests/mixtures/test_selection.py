"""Only the episodes that were asked for take part, and what cannot be asked is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import make_episode, write_source

from humandata.dataset.read import open_source
from humandata.errors import UsageError
from humandata.mixtures.manifest import open_sources
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.selection import select_episodes
from humandata.mixtures.step_index import open_index
from humandata.schemas.mixture import ActionSpace, read_mixture

SHORT = ActionSpace(horizon=4)


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    """Robot episodes of 20, 30, 40 and 50 steps; the first two push, the others lift."""
    tasks = ["push red", "push blue", "lift red", "lift blue"]
    return write_source(
        tmp_path / "shards" / "robot",
        [make_episode(number, num_steps=20 + 10 * number, task=task) for number, task in enumerate(tasks)],
    )


@pytest.mark.parametrize(
    ("where", "wanted", "num_steps"),
    [
        (None, (), {20, 30, 40, 50}),
        ("num_steps > 30", (), {40, 50}),
        ("task LIKE '%red' OR num_steps = 50", (), {20, 40, 50}),
        ("quality_mean_confidence >= 1", (), {20, 30, 40, 50}),
        ("quality_unheard_of > 0", (), set()),
        (None, ("push*",), {20, 30}),
        (None, ("push red", "* blue"), {20, 30, 50}),
        ("num_steps < 40", ("* blue",), {30}),
    ],
)
def test_conditions_and_tasks_choose(
    tasks: Path, where: str | None, wanted: tuple[str, ...], num_steps: set[int]
) -> None:
    episodes = open_source(tasks).episodes()
    chosen = select_episodes(episodes, where, wanted)
    rows = episodes.select(["id", "num_steps"]).to_pylist()
    assert {row["num_steps"] for row in rows if row["id"] in chosen} == num_steps


def test_conditions_reach_all_that_is_known_of_an_episode(tmp_path: Path) -> None:
    """Quality, task, embodiment, scale, the camera's motion, speed and size: one of three episodes each."""
    plain = make_episode(0)
    differing = replace(
        make_episode(1, "franka_panda_robotiq_2f85", num_steps=50, task="lift"), quality={"mean_confidence": 0.5}
    )
    provenance = replace(differing.provenance, scale="assumed", camera_motion="sfm", world_frame="arbitrary")
    source = write_source(
        tmp_path / "robot", [plain, replace(differing, provenance=provenance), make_episode(2, "franka_panda")]
    )
    episodes = open_source(source).episodes()
    for where in (
        "quality_mean_confidence < 0.9",
        "task = 'lift'",
        "embodiment LIKE '%robotiq%'",
        "scale = 'assumed'",
        "camera_motion = 'sfm' AND world_frame <> 'base'",
        "num_steps > 45 AND right_valid_fraction = 1.0 AND right_median_speed > 0",
        "input IN ('franka_panda_robotiq_2f85_001')",
    ):
        assert select_episodes(episodes, where, ()) == {differing.id}, where


def test_a_mixture_holds_what_was_chosen_and_says_so(tasks: Path, tmp_path: Path) -> None:
    out = tmp_path / "mixture.json"
    summary = mix([tasks], out, MixOptions(action_space=SHORT, where="num_steps >= 40", held_out_fraction=0.0))
    mixture = read_mixture(out)
    assert mixture.selection.where == "num_steps >= 40"
    assert mixture.sources[0].training.num_steps == 39 + 49
    assert len(open_index(mixture, tmp_path).episodes(0)) == 2
    assert not any("no step" in warning for warning in summary.warnings)
    assert open_sources(mixture, tmp_path)
    mix([tasks], out, MixOptions(action_space=SHORT, held_out_fraction=0.0))
    assert read_mixture(out).sources[0].training.num_steps == 19 + 29 + 39 + 49


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (MixOptions(where="num_stps > 3"), "num_stps.*over these columns: id, task"),
        (MixOptions(where="num_steps >"), "--where num_steps >"),
        (MixOptions(tasks=("fold*",)), "no robot step is left by --tasks 'fold\\*'"),
        (MixOptions(size_alpha=2.0), "--size-alpha is from 0"),
    ],
)
def test_what_cannot_be_asked_is_named(tasks: Path, tmp_path: Path, options: MixOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        mix([tasks], tmp_path / "mixture.json", options)


def test_size_alpha_evens_sources_out(tmp_path: Path) -> None:
    write_source(tmp_path / "shards" / "small", [make_episode(0, num_steps=26)])
    write_source(tmp_path / "shards" / "large", [make_episode(seed, num_steps=101) for seed in range(4)])
    shares = []
    for alpha in (1.0, 0.5, 0.0):
        options = MixOptions(action_space=SHORT, size_alpha=alpha, held_out_fraction=0.0)
        summary = mix([tmp_path / "shards"], tmp_path / "mixture.json", options)
        shares.append({source.name: source.share for source in summary.sources}["small"])
    # 25 against 400 steps: 1 to 16, 1 to 4, 1 to 1.
    assert shares == pytest.approx([1 / 17, 1 / 5, 1 / 2])
