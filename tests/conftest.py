"""Fixtures that any test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import make_episode, write_source


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A shard folder with a human source `hands` and a robot source `robot`, four episodes each."""
    write_source(tmp_path / "shards" / "hands", [make_episode(seed, "human_hands", rate_hz=15.0) for seed in range(4)])
    write_source(tmp_path / "shards" / "robot", [make_episode(seed, "franka_panda") for seed in range(4)])
    return tmp_path / "shards"
