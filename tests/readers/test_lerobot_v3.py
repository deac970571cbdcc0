from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from reader_builders import (
    DATA_FILE,
    FPS,
    TASK,
    VIDEO_FILE,
    LeRobotDataset,
    droid_state,
    make_motion,
)

from humandata.errors import InputError, UsageError
from humandata.readers import detect_format, open_dataset
from humandata.readers.reader import ReaderOptions

MOTIONS = [make_motion(0), make_motion(1, num_steps=9), make_motion(2)]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return LeRobotDataset(MOTIONS).write(tmp_path / "droid")


def test_the_format_is_recognised_and_episodes_are_listed_by_number(dataset: Path) -> None:
    assert detect_format(dataset) == "lerobot_v3"
    reader = open_dataset(dataset)
    assert reader.robot == "droid"
    refs = reader.list_episodes()
    assert [ref.name for ref in refs] == ["episode_000000", "episode_000001", "episode_000002"]
    assert dataset / DATA_FILE in refs[0].files
    assert dataset / VIDEO_FILE in refs[0].files


@pytest.mark.parametrize(("camera_dtype", "shuffled"), [("video", False), ("video", True), ("image", True)])
def test_each_step_gets_its_own_numbers_and_picture(tmp_path: Path, camera_dtype: str, shuffled: bool) -> None:
    path = LeRobotDataset(MOTIONS, camera_dtype=camera_dtype, shuffled=shuffled).write(tmp_path / "droid")
    for number, motion in enumerate(MOTIONS):
        recording = open_dataset(path).read(f"episode_{number:06d}")
        assert recording.task == TASK
        assert recording.rate_hz == FPS
        np.testing.assert_allclose(recording.T_world_tool[:, :3, 3], droid_state(motion)[:, :3])
        np.testing.assert_allclose(recording.gripper_reading, 1.0 - motion.opening, atol=1e-6)  # stored as float32
        np.testing.assert_allclose(recording.timestamp_ns / 1e9, np.arange(len(motion.opening)) / FPS, atol=1e-6)
        pictures = list(recording.cameras["front"]())
        assert len(pictures) == len(motion.opening)
        means = np.array([picture.mean(axis=(0, 1)) for picture in pictures])
        expected = np.array([motion.picture(step)[0, 0] for step in range(len(motion.opening))])
        assert np.abs(means - expected).max() < 5  # steps differ by 12, motions by 60; the rest is compression


def test_an_episode_keeps_its_hash_when_others_are_added(tmp_path: Path) -> None:
    few = open_dataset(LeRobotDataset(MOTIONS[:2], camera_dtype="image").write(tmp_path / "few"))
    more = open_dataset(LeRobotDataset(MOTIONS, camera_dtype="image").write(tmp_path / "more"))
    assert few.content_sha256("episode_000001") == more.content_sha256("episode_000001")
    assert few.content_sha256("episode_000000") != few.content_sha256("episode_000001")


@pytest.mark.parametrize("camera_dtype", ["video", "image"])
def test_the_hash_follows_every_picture_and_number(tmp_path: Path, camera_dtype: str) -> None:
    hashes = set()
    for variant, motion in enumerate([MOTIONS[0], make_motion(0), make_motion(7)]):
        path = LeRobotDataset([motion], camera_dtype=camera_dtype).write(tmp_path / str(variant))
        hashes.add(open_dataset(path).content_sha256("episode_000000"))
    assert len(hashes) == 2
    other = LeRobotDataset([MOTIONS[0]], camera_dtype=camera_dtype, info={"fps": FPS + 1}).write(tmp_path / "faster")
    assert open_dataset(other).content_sha256("episode_000000") not in hashes


def test_separate_features_for_pose_and_gripper_are_found(dataset: Path) -> None:
    info = json.loads((dataset / "meta/info.json").read_text())
    state = info["features"].pop("observation.state")
    info["features"]["observation.state.cartesian_position"] = {
        "dtype": "float32",
        "shape": [6],
        "names": {"axes": state["names"][:6]},
    }
    info["features"]["observation.state.gripper_position"] = {"dtype": "float32", "shape": [1], "names": None}
    (dataset / "meta/info.json").write_text(json.dumps(info))
    table = pq.read_table(dataset / DATA_FILE)
    values = np.array(table["observation.state"].to_pylist(), dtype=np.float32)
    table = table.drop(["observation.state"])
    table = table.append_column("observation.state.cartesian_position", [list(values[:, :6])])
    table = table.append_column("observation.state.gripper_position", [values[:, 6]])
    pq.write_table(table, dataset / DATA_FILE)
    recording = open_dataset(dataset).read("episode_000001")
    np.testing.assert_allclose(recording.T_world_tool[:, :3, 3], droid_state(MOTIONS[1])[:, :3])
    np.testing.assert_allclose(recording.gripper_reading, 1.0 - MOTIONS[1].opening, atol=1e-6)


def test_names_the_user_gives_replace_those_that_say_nothing(tmp_path: Path) -> None:
    path = LeRobotDataset(MOTIONS[:1], state_names=[f"motor_{i}" for i in range(7)]).write(tmp_path / "droid")
    with pytest.raises(InputError, match=r"motor_0, motor_1.*--state-names"):
        open_dataset(path)
    names = ("x", "y", "z", "roll", "pitch", "yaw", "gripper")
    recording = open_dataset(path, ReaderOptions(state_names=names)).read("episode_000000")
    np.testing.assert_allclose(recording.T_world_tool[:, :3, 3], droid_state(MOTIONS[0])[:, :3])
    with pytest.raises(UsageError, match="7 dimensions"):
        open_dataset(path, ReaderOptions(state_names=names[:6]))


@pytest.mark.parametrize("version", ["v2.1", "v2.0", "v4.0"])
def test_another_version_is_refused_by_name(tmp_path: Path, version: str) -> None:
    path = LeRobotDataset(MOTIONS[:1], info={"codebase_version": version}).write(tmp_path / "droid")
    with pytest.raises(InputError, match=f"'{version}'"):
        open_dataset(path)


@pytest.mark.parametrize(
    "template",
    [
        "../outside/{file_index}.parquet",
        "/etc/{file_index}.parquet",
        "data/{chunk_index.__class__}.parquet",
        "data/{file_index:999999999d}.parquet",
        "data/{file_index!r}.parquet",
        "data/{0}.parquet",
        "data/{episode_chunk}.parquet",
        "data/{file_index",
        "",
    ],
)
def test_a_template_that_is_not_to_be_trusted_is_refused(tmp_path: Path, template: str) -> None:
    path = LeRobotDataset(MOTIONS[:1], info={"data_path": template}).write(tmp_path / "droid")
    with pytest.raises(InputError, match="path template"):
        open_dataset(path).list_episodes()


def test_a_feature_key_cannot_lead_out_of_the_folder(dataset: Path) -> None:
    info_path, episodes_path = dataset / "meta/info.json", dataset / "meta/episodes/chunk-000/file-000.parquet"
    key = "../../../secret"
    info_path.write_text(info_path.read_text().replace("observation.images.front", key))
    table = pq.read_table(episodes_path)
    names = [name.replace("observation.images.front", key) for name in table.column_names]
    pq.write_table(table.rename_columns(names), episodes_path)
    with pytest.raises(InputError, match="leads out of"):
        open_dataset(dataset).list_episodes()


def test_a_missing_or_broken_file_is_named(dataset: Path) -> None:
    reader = open_dataset(dataset)
    (dataset / VIDEO_FILE).rename(dataset / "elsewhere.mp4")
    with pytest.raises(InputError, match=r"front.*file-000\.mp4: no such file"):
        list(reader.read("episode_000000").cameras["front"]())
    (dataset / VIDEO_FILE).write_bytes((dataset / "elsewhere.mp4").read_bytes()[:600])
    with pytest.raises(InputError, match=r"front.*file-000\.mp4: "):
        reader.content_sha256("episode_000000")
    (dataset / DATA_FILE).write_bytes((dataset / DATA_FILE).read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        reader.read("episode_000000")
    (dataset / DATA_FILE).unlink()
    with pytest.raises(InputError, match=r"data/chunk-000/file-000\.parquet: no such file"):
        reader.read("episode_000000")
    (dataset / "meta/tasks.parquet").unlink()
    with pytest.raises(InputError, match=r"tasks\.parquet: no such file"):
        open_dataset(dataset)
    (dataset / "meta/info.json").unlink()
    with pytest.raises(InputError, match=r"Looked for: lerobot_v3 \(a folder with meta/info\.json\)"):
        open_dataset(dataset)


def test_a_video_that_ends_too_early_is_an_error_of_the_episode_it_cuts(dataset: Path) -> None:
    episodes_path = dataset / "meta/episodes/chunk-000/file-000.parquet"
    rows: list[dict[str, Any]] = pq.read_table(episodes_path).to_pylist()
    rows[2]["videos/observation.images.front/from_timestamp"] += 5 / FPS
    pq.write_table(pq.read_table(episodes_path).from_pylist(rows), episodes_path)
    reader = open_dataset(dataset)
    assert len(list(reader.read("episode_000001").cameras["front"]())) == 9
    with pytest.raises(InputError, match="no frame at"):
        list(reader.read("episode_000002").cameras["front"]())


def test_rows_that_are_missing_are_an_error(dataset: Path) -> None:
    table = pq.read_table(dataset / DATA_FILE)
    pq.write_table(table.slice(0, len(table) - 1), dataset / DATA_FILE)
    reader = open_dataset(dataset)
    reader.read("episode_000001")
    with pytest.raises(InputError, match="holds 11 steps of episode 2; meta/episodes says 12"):
        reader.read("episode_000002")


def test_a_script_in_place_of_a_video_opens_nothing(dataset: Path, tmp_path: Path) -> None:
    (dataset / VIDEO_FILE).rename(tmp_path / "secret.mp4")
    (dataset / VIDEO_FILE).write_text(f"ffconcat version 1.0\nfile {tmp_path}/secret.mp4\n")
    with pytest.raises(InputError, match="holds text, not video"):
        list(open_dataset(dataset).read("episode_000000").cameras["front"]())
