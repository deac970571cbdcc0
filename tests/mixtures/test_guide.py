"""Every command of docs/mixtures.md runs as it is written."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from builders import make_episode, write_source
from typer.testing import CliRunner

from humandata.cli import app

GUIDE = Path(__file__).parents[2] / "docs" / "mixtures.md"
TASKS = ("put the red block in the left bin", "put the blue block in the right bin")
SOURCES = {
    "videos": "human_hands",
    "droid_lerobot": "franka_panda_robotiq_2f85",
    "panda_robomimic": "franka_panda",
}


def test_the_commands_of_the_guide_run_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On sources of the demo's names and tasks."""
    monkeypatch.chdir(tmp_path)
    for name, embodiment in SOURCES.items():
        episodes = [make_episode(seed, embodiment, 32, task=TASKS[seed % 2]) for seed in range(6)]
        write_source(tmp_path / "shards" / name, episodes)
    lines = GUIDE.read_text(encoding="utf-8").splitlines()
    commands = [line.strip() for line in lines if line.startswith("    humandata ")]
    assert len(commands) > 20
    for command in commands:
        result = CliRunner().invoke(app, shlex.split(command)[1:])
        assert result.exit_code == 0, f"{command}: {result.output}"
