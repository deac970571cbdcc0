import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from studio_files import assert_same_files

from humandata.embodiments import get_embodiment
from humandata.errors import OutputError
from humandata.geometry.rotations import matrix_from_rotvec, matrix_from_rpy, matrix_from_wxyz, wxyz_from_xyzw
from humandata.geometry.transforms import make_transform
from humandata.studio.lerobot_writer import VIDEO_KEY
from humandata.studio.robot import render_robot_lerobot, render_robot_robomimic

NUM_EPISODES = 3


@pytest.fixture(scope="module")
def lerobot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("robots") / "lerobot"
    return render_robot_lerobot(out, NUM_EPISODES, seed=5, width=32, height=24)


@pytest.fixture(scope="module")
def robomimic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("robots") / "robomimic.hdf5"
    return render_robot_robomimic(out, 2, seed=5, width=32, height=32)


def truth(dataset: Path, number: int) -> dict[str, np.ndarray]:
    with np.load(dataset.parent / "truth" / dataset.stem / f"{number:06d}.npz", allow_pickle=False) as arrays:
        return dict(arrays)


def data_rows(root: Path) -> pa.Table:
    return pq.read_table(root / "data/chunk-000/file-000.parquet")


def episode_rows(root: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet").to_pylist()
    return rows


def test_lerobot_rows_run_on_in_index_order_one_row_group_an_episode(lerobot: Path) -> None:
    table = data_rows(lerobot)
    info = json.loads((lerobot / "meta/info.json").read_text())
    assert table["index"].to_pylist() == list(range(info["total_frames"]))
    assert pq.ParquetFile(lerobot / "data/chunk-000/file-000.parquet").num_row_groups == NUM_EPISODES
    for row in episode_rows(lerobot):
        part = table.slice(row["dataset_from_index"], row["length"])
        assert set(part["episode_index"].to_pylist()) == {row["episode_index"]}
        assert part["frame_index"].to_pylist() == list(range(row["length"]))
        np.testing.assert_allclose(part["timestamp"].to_numpy(), np.arange(row["length"]) / 15, atol=1e-6)


def test_lerobot_declares_each_column_of_its_data(lerobot: Path) -> None:
    info = json.loads((lerobot / "meta/info.json").read_text())
    declared = {name for name, feature in info["features"].items() if feature["dtype"] != "video"}
    assert set(data_rows(lerobot).column_names) == declared
    assert info["codebase_version"] == "v3.0"
    assert get_embodiment(info["robot_type"]).name == "franka_panda_robotiq_2f85"


def test_lerobot_tasks_are_indexed_by_their_text(lerobot: Path) -> None:
    table = pq.read_table(lerobot / "meta/tasks.parquet")
    described = json.loads(table.schema.metadata[b"pandas"])
    assert described["index_columns"] == ["__index_level_0__"]
    text = dict(zip(table["task_index"].to_pylist(), table["__index_level_0__"].to_pylist(), strict=True))
    rows = data_rows(lerobot)
    for row in episode_rows(lerobot):
        index = rows["task_index"][row["dataset_from_index"]].as_py()
        assert row["tasks"] == [text[index]]
        assert text[index].startswith("put the ")


def test_lerobot_videos_have_a_frame_for_each_row_at_a_constant_rate(lerobot: Path) -> None:
    import av

    frames_by_file: dict[int, int] = {}
    for row in episode_rows(lerobot):
        file_index = row[f"videos/{VIDEO_KEY}/file_index"]
        before = frames_by_file.get(file_index, 0)
        assert row[f"videos/{VIDEO_KEY}/from_timestamp"] == pytest.approx(before / 15)
        assert row[f"videos/{VIDEO_KEY}/to_timestamp"] == pytest.approx((before + row["length"]) / 15)
        frames_by_file[file_index] = before + row["length"]
    assert len(frames_by_file) == 2
    for file_index, count in frames_by_file.items():
        with av.open(str(lerobot / f"videos/{VIDEO_KEY}/chunk-000/file-{file_index:03d}.mp4")) as container:
            times = [float(frame.time) for frame in container.decode(video=0)]
        np.testing.assert_allclose(times, np.arange(count) / 15, atol=1e-4)  # LeRobot's own tolerance


def test_lerobot_states_are_the_tool_in_droids_frame(lerobot: Path) -> None:
    embodiment = get_embodiment("franka_panda_robotiq_2f85")
    rows = data_rows(lerobot)
    for row in episode_rows(lerobot):
        part = rows.slice(row["dataset_from_index"], row["length"])
        state = np.array(part["observation.state"].to_pylist())
        action = np.array(part["action"].to_pylist())
        exact = truth(lerobot, row["episode_index"])
        T_base_ee = make_transform(matrix_from_rpy(state[:, 3:6]), state[:, :3]) @ embodiment.T_tool_ee
        np.testing.assert_allclose(T_base_ee, exact["T_base_ee"], atol=2e-6)  # float32
        opening = embodiment.gripper.opening(state[:, 6]) * embodiment.gripper.max_aperture_m
        np.testing.assert_allclose(opening, exact["opening_m"], atol=1e-7)
        np.testing.assert_array_equal(action[:-1], state[1:])
        assert 0.0 <= state[:, 6].min() < state[:, 6].max() <= 1.0


def test_robomimic_observations_are_the_grip_site_in_xyzw(robomimic: Path) -> None:
    embodiment = get_embodiment("franka_panda")
    with h5py.File(robomimic) as file:
        assert file["data"].attrs["total"] == sum(demo.attrs["num_samples"] for demo in file["data"].values())
        for number in range(2):
            demo, exact = file[f"data/demo_{number}"], truth(robomimic, number)
            R = matrix_from_wxyz(wxyz_from_xyzw(demo["obs/robot0_eef_quat"][()]))
            T_base_ee = make_transform(R, demo["obs/robot0_eef_pos"][()]) @ embodiment.T_tool_ee
            np.testing.assert_allclose(T_base_ee, exact["T_base_ee"], atol=1e-12)
            fingers = demo["obs/robot0_gripper_qpos"][()]
            np.testing.assert_allclose(fingers[:, 0] - fingers[:, 1], exact["opening_m"], atol=1e-12)
            assert demo["obs/agentview_image"].shape == (demo.attrs["num_samples"], 32, 32, 3)
            assert json.loads(demo.attrs["ep_meta"])["lang"].startswith("put the ")
        assert json.loads(file["data"].attrs["env_args"])["env_kwargs"]["control_freq"] == 20
        assert [*file["mask/train"][()], *file["mask/valid"][()]] == [b"demo_0", b"demo_1"]


def test_robomimic_actions_lead_from_each_state_to_the_next(robomimic: Path) -> None:
    with h5py.File(robomimic) as file:
        demo = file["data/demo_0"]
        actions, position = demo["actions"][()], demo["obs/robot0_eef_pos"][()]
        R = matrix_from_wxyz(wxyz_from_xyzw(demo["obs/robot0_eef_quat"][()]))
    np.testing.assert_allclose(position[:-1] + 0.05 * actions[:-1, :3], position[1:], atol=1e-12)
    np.testing.assert_allclose(matrix_from_rotvec(0.5 * actions[:-1, 3:6]) @ R[:-1], R[1:], atol=1e-12)
    assert set(actions[:, 6]) == {-1.0, 1.0}
    assert np.abs(actions).max() <= 1.0


def test_both_datasets_hold_the_same_motion_for_the_same_seed(lerobot: Path, robomimic: Path) -> None:
    for number in range(2):
        slow, fast = truth(lerobot, number), truth(robomimic, number)
        count = min((len(slow["timestamp_s"]) + 2) // 3, (len(fast["timestamp_s"]) + 3) // 4)
        np.testing.assert_allclose(
            slow["T_base_ee"][::3][:count], fast["T_base_ee"][::4][:count], atol=1e-12
        )  # 5 Hz is common to both


def test_workers_do_not_change_the_files(lerobot: Path, tmp_path: Path) -> None:
    again = render_robot_lerobot(tmp_path / "lerobot", NUM_EPISODES, seed=5, workers=2, width=32, height=24)
    assert_same_files(lerobot, again)


def test_a_finished_dataset_is_left_alone_and_a_broken_off_one_is_replaced(tmp_path: Path) -> None:
    out = tmp_path / "robomimic.hdf5"
    (tmp_path / ".robomimic.hdf5.partial").write_bytes(b"half")
    told: list[tuple[int, int]] = []
    render_robot_robomimic(out, 1, seed=1, width=16, height=16, progress=lambda *counts: told.append(counts))
    assert told == [(1, 1)]
    before = out.stat().st_mtime_ns
    render_robot_robomimic(out, 1, seed=1, width=16, height=16)
    assert out.stat().st_mtime_ns == before
    assert not (tmp_path / ".robomimic.hdf5.partial").exists()


def test_an_output_that_cannot_be_written_is_a_users_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        render_robot_lerobot(tmp_path / "file" / "lerobot", 1, seed=0)
