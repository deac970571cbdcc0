"""Fixtures that any test may ask for."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import make_episode, write_source

from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A shard folder with a human source `hands` and a robot source `robot`, four episodes each."""
    write_source(tmp_path / "shards" / "hands", [make_episode(seed, "human_hands", rate_hz=15.0) for seed in range(4)])
    write_source(tmp_path / "shards" / "robot", [make_episode(seed, "franka_panda") for seed in range(4)])
    return tmp_path / "shards"


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `videos/` (two short clips of a person, in folders by task, with sidecars) and `truth/`."""
    folder = tmp_path_factory.mktemp("clips")
    render_human_videos(
        folder, 2, seed=5, options=ClipOptions(PlaceTask("red", "left"), moving_camera=False, max_duration_s=1.3)
    )
    return folder
