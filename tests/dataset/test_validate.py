from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import make_episode, write_source

from humandata.dataset.read import open_source
from humandata.dataset.validate import validate_source
from humandata.schemas.episode import Episode


def problems(source: Path) -> str:
    return "\n".join(f"{problem.where}: {problem.what}" for problem in validate_source(open_source(source)))


@pytest.mark.parametrize("name", ["hands", "robot"])
def test_a_source_as_written_is_sound(shards: Path, name: str) -> None:
    assert problems(shards / name) == ""


def test_a_changed_missing_or_unlisted_file_is_named(shards: Path) -> None:
    data = sorted((shards / "robot" / "data").iterdir())
    content = bytearray(data[0].read_bytes())
    content[100] ^= 1
    data[0].write_bytes(bytes(content))
    data[1].unlink()
    (shards / "robot" / "data" / "stray.parquet").write_bytes(b"")
    told = problems(shards / "robot")
    assert f"{data[0].name}: has another SHA-256" in told
    assert f"{data[1].name}: is missing" in told
    assert "stray.parquet: is not listed" in told


def shift_back(episode: Episode) -> None:
    episode.timestamp_ns[5] = episode.timestamp_ns[4]


def open_too_far(episode: Episode) -> None:
    episode.arms["right"].gripper_opening[3] = 1.5


def forget_position(episode: Episode) -> None:
    episode.arms["right"].T_world_ee[7] = np.nan


def keep_position(episode: Episode) -> None:
    episode.arms["right"].valid[7] = False


def spoil_image(episode: Episode) -> None:
    episode.images["image"][2] = b"no image"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (shift_back, "timestamps do not increase"),
        (open_too_far, "outside [0, 1]"),
        (forget_position, "null at a step where right_valid is true"),
        (keep_position, "a number at a step where right_valid is false"),
        (spoil_image, "neither JPEG nor PNG"),
    ],
)
def test_what_is_wrong_within_an_episode_is_named(tmp_path: Path, spoil: Callable[[Episode], None], told: str) -> None:
    episode = make_episode(0, num_steps=10)
    arm = episode.arms["right"]
    arm.valid.flags.writeable = True
    spoil(episode)
    assert told in problems(write_source(tmp_path / "robot", [episode]))
