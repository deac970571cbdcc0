"""What every reader of the registry keeps to, whatever its format."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from reader_builders import LeRobotDataset, make_motion, write_robomimic

from humandata.readers import READERS, detect_format, get_reader, open_dataset

MOTIONS = [make_motion(0), make_motion(1, num_steps=9)]
BUILDERS: dict[str, Callable[[Path], Path]] = {
    "lerobot_v3": lambda folder: LeRobotDataset(MOTIONS).write(folder / "dataset"),
    "robomimic_hdf5": lambda folder: write_robomimic(folder / "dataset.hdf5", MOTIONS),
}


@pytest.mark.parametrize("format_name", READERS)
def test_a_reader_knows_its_own_format_and_no_other(format_name: str, tmp_path: Path) -> None:
    path = BUILDERS[format_name](tmp_path)
    assert detect_format(path) == format_name
    assert get_reader(format_name).format == format_name
    assert [name for name in READERS if get_reader(name).detect(path)] == [format_name]


@pytest.mark.parametrize("format_name", READERS)
def test_a_reader_gives_what_it_lists(format_name: str, tmp_path: Path) -> None:
    reader = open_dataset(BUILDERS[format_name](tmp_path))
    refs = reader.list_episodes()
    assert pickle.loads(pickle.dumps(refs)) == refs
    assert all(path.is_file() for ref in refs for path in ref.files)
    for ref, motion in zip(refs, MOTIONS, strict=True):
        recording = reader.read(ref.name)
        num_steps = len(motion.opening)
        assert recording.T_world_tool.shape == (num_steps, 4, 4)
        assert recording.gripper_reading.shape == (num_steps,)
        assert recording.timestamp_ns.dtype == np.int64
        assert (np.diff(recording.timestamp_ns) > 0).all()
        assert set(recording.cameras) == set(reader.cameras)
        for pictures in recording.cameras.values():
            for _ in range(2):  # pictures can be read again
                assert [picture.shape for picture in pictures()] == [(48, 64, 3)] * num_steps


@pytest.mark.parametrize("format_name", READERS)
def test_a_hash_is_an_episodes_own(format_name: str, tmp_path: Path) -> None:
    path = BUILDERS[format_name](tmp_path)
    first, second = (ref.name for ref in open_dataset(path).list_episodes())
    hashes = [open_dataset(path).content_sha256(name) for name in (first, second, first)]
    assert hashes[0] == hashes[2] != hashes[1]
    assert all(len(digest) == 64 for digest in hashes)
