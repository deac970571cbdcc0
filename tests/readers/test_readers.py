"""What every reader of the registry keeps to, whatever its format."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from reader_builders import LeRobotDataset, Motion, make_motion, write_robomimic

from humandata.errors import InputError
from humandata.readers import READERS, detect_format, get_reader, open_dataset

MOTIONS = [make_motion(0), make_motion(1, num_steps=9)]
BUILDERS: dict[str, Callable[[Path, list[Motion]], Path]] = {
    "lerobot_v3": lambda folder, motions: LeRobotDataset(motions).write(folder / "dataset"),
    "robomimic_hdf5": lambda folder, motions: write_robomimic(folder / "dataset.hdf5", motions),
}


@pytest.mark.parametrize("format_name", READERS)
def test_a_reader_knows_its_own_format_and_no_other(format_name: str, tmp_path: Path) -> None:
    path = BUILDERS[format_name](tmp_path, MOTIONS)
    assert detect_format(path) == format_name
    assert get_reader(format_name).format == format_name
    assert [name for name in READERS if get_reader(name).detect(path)] == [format_name]


@pytest.mark.parametrize("format_name", READERS)
def test_a_reader_gives_what_it_lists(format_name: str, tmp_path: Path) -> None:
    reader = open_dataset(BUILDERS[format_name](tmp_path, MOTIONS))
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
    path = BUILDERS[format_name](tmp_path, MOTIONS)
    first, second = (ref.name for ref in open_dataset(path).list_episodes())
    hashes = [open_dataset(path).content_sha256(name) for name in (first, second, first)]
    assert hashes[0] == hashes[2] != hashes[1]
    assert all(len(digest) == 64 for digest in hashes)


@pytest.mark.parametrize("format_name", READERS)
def test_what_cannot_be_metres_is_told_with_its_file(format_name: str, tmp_path: Path) -> None:
    motion = make_motion(0)
    T_base_ee = motion.T_base_ee.copy()
    T_base_ee[:, :3, 3] *= 1000.0
    reader = open_dataset(BUILDERS[format_name](tmp_path, [replace(motion, T_base_ee=T_base_ee)]))
    [ref] = reader.list_episodes()
    with pytest.raises(InputError, match=rf"{tmp_path}.*{ref.name}: .*not in metres"):
        reader.read(ref.name)
