from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from reader_builders import LeRobotDataset, make_motion, write_robomimic

from humandata.errors import InputError, UsageError
from humandata.readers import detect_format, open_dataset
from humandata.readers.reader import ReaderOptions


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_robomimic(tmp_path / "can.hdf5", [make_motion(number) for number in (0, 2, 10)])


def test_the_format_is_recognised_and_demos_are_in_natural_order(dataset: Path) -> None:
    assert detect_format(dataset) == "robomimic_hdf5"
    reader = open_dataset(dataset)
    assert reader.robot == "Panda"
    assert [ref.name for ref in reader.list_episodes()] == ["demo_0", "demo_2", "demo_10"]


def test_a_demo_is_read_in_robosuites_conventions(dataset: Path) -> None:
    motion = make_motion(2)
    recording = open_dataset(dataset).read("demo_2")
    np.testing.assert_allclose(recording.T_world_tool, motion.T_base_ee, atol=1e-12)
    np.testing.assert_allclose(recording.gripper_reading, 0.08 * motion.opening)
    np.testing.assert_array_equal(recording.timestamp_ns, np.arange(12) * 50_000_000)
    assert recording.world_frame == "gravity"
    assert sorted(recording.cameras) == ["agentview", "robot0_eye_in_hand"]
    for camera in recording.cameras.values():
        np.testing.assert_array_equal(np.stack(list(camera())), [motion.picture(step) for step in range(12)])


@pytest.mark.parametrize(
    ("attributes", "task"),
    [
        ({}, "pick place can"),
        ({"problem_info": '{"language_instruction": "\\"open the drawer\\""}'}, "open the drawer"),
        ({"ep_meta": '{"lang": "close the door"}'}, "close the door"),
    ],
)
def test_the_task_is_the_instruction_or_else_the_environment_in_words(
    dataset: Path, attributes: dict[str, str], task: str
) -> None:
    with h5py.File(dataset, "a") as file:
        for name, text in attributes.items():
            file["data/demo_0" if name == "ep_meta" else "data"].attrs[name] = text
    assert open_dataset(dataset).read("demo_0").task == task


def test_the_hash_follows_what_is_read_and_nothing_else(dataset: Path) -> None:
    reader = open_dataset(dataset)
    before = {name: reader.content_sha256(name) for name in ("demo_0", "demo_2")}
    assert len(set(before.values())) == 2
    with h5py.File(dataset, "a") as file:
        file["data/demo_0/rewards"] = np.zeros(12)
        file["data/demo_2/obs/agentview_image"][3, 0, 0] += 1
    assert reader.content_sha256("demo_0") == before["demo_0"]
    assert reader.content_sha256("demo_2") != before["demo_2"]


def test_a_truncated_file_is_said_to_be_truncated(dataset: Path) -> None:
    dataset.write_bytes(dataset.read_bytes()[:-500])
    with pytest.raises(InputError, match="truncated"):
        open_dataset(dataset)


def test_a_file_that_is_no_hdf5_is_said_to_be_none(tmp_path: Path) -> None:
    path = tmp_path / "can.hdf5"
    path.write_text("hello")
    with pytest.raises(InputError, match="not an HDF5 file"):
        open_dataset(path)


def test_a_demo_without_the_pose_of_the_hand_says_what_it_has(dataset: Path) -> None:
    with h5py.File(dataset, "a") as file:
        del file["data/demo_0/obs/robot0_eef_pos"]
        del file["data/demo_10/obs"]
    reader = open_dataset(dataset)
    with pytest.raises(InputError, match=r"demo_0: obs has no robot0_eef_pos; found .*robot0_eef_quat"):
        reader.read("demo_0")
    with pytest.raises(InputError, match="demo_10: no group 'obs'"):
        reader.read("demo_10")
    reader.read("demo_2")


def test_nothing_outside_the_file_is_read(dataset: Path, tmp_path: Path) -> None:
    secret = write_robomimic(tmp_path / "secret.hdf5", [make_motion(0)])
    where = "data/demo_0/obs/robot0_eef_pos"
    links: list[Any] = [h5py.ExternalLink(str(secret), where), h5py.SoftLink("/data/demo_2/obs/robot0_eef_pos")]
    for link in links:
        with h5py.File(dataset, "a") as file:
            del file[where]
            file[where] = link
        with pytest.raises(InputError, match="a link to another place"):
            open_dataset(dataset).read("demo_0")
    with h5py.File(dataset, "a") as file:
        del file[where]
        layout = h5py.VirtualLayout((12, 3), np.float64)
        layout[:] = h5py.VirtualSource(str(secret), where, (12, 3))
        file.create_virtual_dataset(where, layout)
    with pytest.raises(InputError, match="stored in other files"):
        open_dataset(dataset).read("demo_0")
    raw = tmp_path / "raw.bin"
    raw.write_bytes(bytes(12 * 3 * 8))
    with h5py.File(dataset, "a") as file:
        del file[where]
        file.create_dataset(where, (12, 3), np.float64, external=[(str(raw), 0, 12 * 3 * 8)])
    with pytest.raises(InputError, match="stored in other files"):
        open_dataset(dataset).read("demo_0")


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"env_kwargs": {"robots": ["Panda"]}}, "control_freq"),
        ({"env_kwargs": {"robots": ["Panda", "Panda"], "control_freq": 20}}, "2 robots"),
    ],
)
def test_what_env_args_leave_open_is_an_error(tmp_path: Path, env: dict[str, Any], message: str) -> None:
    path = write_robomimic(tmp_path / "can.hdf5", [make_motion(0)], env)
    with pytest.raises(InputError, match=message):
        open_dataset(path)


def test_observations_of_wrong_shape_or_length_are_named(dataset: Path) -> None:
    with h5py.File(dataset, "a") as file:
        for demo, value in (("demo_0", np.zeros((12, 4))), ("demo_2", np.zeros((11, 3)))):
            del file[f"data/{demo}/obs/robot0_eef_pos"]
            file[f"data/{demo}/obs/robot0_eef_pos"] = value
        del file["data/demo_10/obs/agentview_image"]
        file["data/demo_10/obs/agentview_image"] = np.zeros((12, 3, 48, 64), np.float32)
    reader = open_dataset(dataset)
    with pytest.raises(InputError, match=r"\(12, 4\).*expected \(T, 3\)"):
        reader.read("demo_0")
    with pytest.raises(InputError, match="different lengths"):
        reader.read("demo_2")
    with pytest.raises(InputError, match=r"expected \(T, H, W, 3\) uint8"):
        list(reader.read("demo_10").cameras["agentview"]())


def test_names_of_a_state_vector_are_refused(dataset: Path) -> None:
    with pytest.raises(UsageError, match="--state-names"):
        open_dataset(dataset, ReaderOptions(state_names=("x",)))


def test_other_files_and_folders_list_the_known_formats(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "aloha.hdf5", "w") as file:
        file["observations/qpos"] = np.zeros((3, 14))
    for path in (tmp_path, tmp_path / "aloha.hdf5"):
        with pytest.raises(InputError, match=r"lerobot_v3 .*; robomimic_hdf5"):
            detect_format(path)
    with pytest.raises(InputError, match="no such file"):
        detect_format(tmp_path / "nowhere")
    assert detect_format(LeRobotDataset([make_motion(0)]).write(tmp_path / "droid")) == "lerobot_v3"
