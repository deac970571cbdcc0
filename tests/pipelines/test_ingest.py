from __future__ import annotations

import os
from pathlib import Path

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
from folders import content
from reader_builders import DATA_FILE, VIDEO_FILE, LeRobotDataset, make_motion, write_robomimic

from humandata.dataset.read import find_sources, open_source
from humandata.dataset.validate import validate_source
from humandata.errors import InputError, UsageError
from humandata.pipelines.ingest import ingest, plan_ingest
from humandata.readers.conversion import IngestRecipe
from humandata.storage import Store

MOTIONS = [make_motion(0), make_motion(1, num_steps=9), make_motion(2)]


@pytest.fixture
def droid(tmp_path: Path) -> Path:
    return LeRobotDataset(MOTIONS).write(tmp_path / "droid")


def test_two_datasets_become_two_sources_in_one_frame(droid: Path, tmp_path: Path) -> None:
    can = write_robomimic(tmp_path / "can.hdf5", MOTIONS)
    for dataset in (droid, can):
        summary = ingest(dataset, tmp_path / "shards", IngestRecipe(), num_workers=1)
        assert summary.failures == {}
        assert (summary.num_inputs, summary.num_unchanged) == (3, 0)
    one, other = reversed(find_sources(tmp_path / "shards"))
    assert (one.document.name, other.document.name) == ("droid", "can")
    assert (one.document.format, other.document.format) == ("lerobot_v3", "robomimic_hdf5")
    assert one.document.kind == "robot_dataset"
    assert one.document.cameras == ("image", "image_wrist")
    assert one.document.counts.steps == 33
    for source in (one, other):
        assert list(validate_source(source)) == []
    inputs = zip(one.episodes().to_pylist(), other.episodes().to_pylist(), strict=True)
    for (row, other_row), motion in zip(inputs, MOTIONS, strict=True):
        arm = one.read_episode(row["id"]).arms["right"]
        other_arm = other.read_episode(other_row["id"]).arms["right"]
        np.testing.assert_allclose(arm.T_world_ee, other_arm.T_world_ee, atol=1e-5)
        np.testing.assert_allclose(arm.T_world_ee, motion.T_base_ee, atol=1e-5)
        np.testing.assert_allclose(arm.gripper_opening, other_arm.gripper_opening, atol=1e-5)


def test_a_source_on_an_object_store_is_the_same(
    bucket: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUMANDATA_CACHE", str(tmp_path / "cache"))
    can, out = write_robomimic(tmp_path / "can.hdf5", MOTIONS), Path((bucket / "shards").url)
    ingest(can, tmp_path / "shards", IngestRecipe(), num_workers=1)
    ingest(can, out, IngestRecipe(), num_workers=1)
    os.utime(can, ns=(1, 1))
    for place in (tmp_path / "shards", out):
        ingest(can, place, IngestRecipe(), num_workers=1)
    written = {name: (bucket / "shards").read(name) for name in (bucket / "shards").list()}
    assert written == content(tmp_path / "shards")
    with pytest.raises(UsageError, match="read from a disk"):
        ingest(out, tmp_path / "other", IngestRecipe())


def test_a_rerun_does_nothing_and_a_change_redoes_what_changed(tmp_path: Path) -> None:
    can, shards = write_robomimic(tmp_path / "can.hdf5", MOTIONS), tmp_path / "shards"
    ingest(can, shards, IngestRecipe(), num_workers=1)
    before = content(shards)
    times = {path: path.stat().st_mtime_ns for path in shards.rglob("*.parquet")}
    again = ingest(can, shards, IngestRecipe(), num_workers=1)
    assert again.num_unchanged == 3
    assert content(shards) == before
    with h5py.File(can, "a") as file:
        file["data/demo_1/obs/robot0_eef_pos"][0, 0] += 0.01
    os.utime(can, ns=(1, 1))
    ingest(can, shards, IngestRecipe(), num_workers=1)
    kept = [path for path in times if path.parent.name == "data" and path.exists()]
    assert len(kept) == 2
    assert all(path.stat().st_mtime_ns == times[path] for path in kept)
    assert len(list(shards.rglob("data/*.parquet"))) == 3
    assert ingest(can, shards, IngestRecipe(), num_workers=1).num_unchanged == 3
    assert list(validate_source(open_source(shards / "can"))) == []


def test_another_recipe_makes_every_episode_anew(droid: Path, tmp_path: Path) -> None:
    ingest(droid, tmp_path / "shards", IngestRecipe(), num_workers=1)
    recipe = IngestRecipe(max_side_px=32, camera="wrist")
    assert len(plan_ingest(droid, tmp_path / "shards", recipe).pending) == 3
    summary = ingest(droid, tmp_path / "shards", recipe, num_workers=1)
    assert summary.document.cameras == ("image", "image_front")
    assert summary.document.recipe.content["max_side_px"] == 32
    assert len(list((tmp_path / "shards/droid/data").iterdir())) == 3


def test_an_episode_that_cannot_be_read_is_set_aside_and_tried_again(tmp_path: Path) -> None:
    can, shards = write_robomimic(tmp_path / "can.hdf5", MOTIONS), tmp_path / "shards"
    with h5py.File(can, "a") as file:
        file["data/demo_1/obs"].move("robot0_eef_pos", "elsewhere")
    summary = ingest(can, shards, IngestRecipe(), num_workers=1)
    assert list(summary.failures) == ["demo_1"]
    assert "no robot0_eef_pos" in summary.failures["demo_1"]
    assert (summary.document.counts.episodes, summary.document.counts.quarantined) == (2, 1)
    with h5py.File(can, "a") as file:
        file["data/demo_1/obs"].move("elsewhere", "robot0_eef_pos")
    summary = ingest(can, shards, IngestRecipe(), num_workers=1)
    assert summary.failures == {}
    assert (summary.document.counts.episodes, summary.document.counts.quarantined) == (3, 0)


def test_a_missing_video_sets_aside_the_episodes_that_need_it(droid: Path, tmp_path: Path) -> None:
    (droid / VIDEO_FILE).unlink()
    summary = ingest(droid, tmp_path / "shards", IngestRecipe(), num_workers=1)
    assert sorted(summary.failures) == ["episode_000000", "episode_000001", "episode_000002"]
    assert "file-000.mp4" in summary.failures["episode_000000"]


def test_a_dataset_that_grew_keeps_what_is_there(tmp_path: Path) -> None:
    shards = tmp_path / "shards"
    one = LeRobotDataset(MOTIONS[:2], camera_dtype="image").write(tmp_path / "one/droid")
    ingest(one, shards, IngestRecipe(), num_workers=1)
    times = {path: path.stat().st_mtime_ns for path in (shards / "droid/data").iterdir()}
    grown = LeRobotDataset(MOTIONS, camera_dtype="image").write(tmp_path / "two/droid")
    summary = ingest(grown, shards, IngestRecipe(), num_workers=1)
    assert summary.document.counts.episodes == 3
    assert {path: path.stat().st_mtime_ns for path in times} == times
    with pytest.raises(UsageError, match=r"1 episodes that this dataset does not have .*--name"):
        ingest(one, shards, IngestRecipe(), num_workers=1)


def test_steps_without_a_number_are_warned_of(droid: Path, tmp_path: Path) -> None:
    table = pq.read_table(droid / DATA_FILE)
    states = np.array(table["observation.state"].to_pylist(), dtype=np.float32)
    states[4, 0] = np.nan
    column = table.column_names.index("observation.state")
    pq.write_table(table.set_column(column, "observation.state", [list(states)]), droid / DATA_FILE)
    summary = ingest(droid, tmp_path / "shards", IngestRecipe(), num_workers=1)
    assert summary.warnings == {"episode_000000": ("1 of 12 steps lack a pose or gripper reading",)}
    assert list(validate_source(open_source(tmp_path / "shards/droid"))) == []


def test_a_plan_writes_nothing(droid: Path, tmp_path: Path) -> None:
    plan = plan_ingest(droid, tmp_path / "shards", IngestRecipe(), name="mine")
    assert (plan.spec.name, plan.embodiment.name, plan.primary_camera) == ("mine", "franka_panda_robotiq_2f85", "front")
    assert plan.pending == plan.items
    assert not (tmp_path / "shards").exists()


def test_what_is_wrong_with_the_whole_dataset_is_said_at_once(droid: Path, tmp_path: Path) -> None:
    for recipe, message in (
        (IngestRecipe(camera="side"), "unknown camera 'side'.*Valid: front, wrist"),
        (IngestRecipe(embodiment="sawyer"), "unknown embodiment 'sawyer'"),
    ):
        with pytest.raises(UsageError, match=message):
            ingest(droid, tmp_path / "shards", recipe)
    low_dim = write_robomimic(tmp_path / "low_dim.hdf5", MOTIONS[:1])
    with h5py.File(low_dim, "a") as file:
        del file["data/demo_0/obs/agentview_image"]
        del file["data/demo_0/obs/robot0_eye_in_hand_image"]
    with pytest.raises(InputError, match="holds no pictures"):
        ingest(low_dim, tmp_path / "shards", IngestRecipe())
    assert not (tmp_path / "shards").exists()


def test_two_workers_write_what_one_writes(droid: Path, tmp_path: Path) -> None:
    ingest(droid, tmp_path / "one", IngestRecipe(), num_workers=1)
    ingest(droid, tmp_path / "two", IngestRecipe(), num_workers=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert open_source(tmp_path / "two/droid").document.counts.episodes == 3
