from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from builders import make_episode, write_source

from humandata.dataset.read import find_sources, open_source
from humandata.dataset.tables import episode_from_table, episode_row, steps_table
from humandata.dataset.validate import validate_source
from humandata.errors import DatasetError
from humandata.geometry.distortion import BrownDistortion, Distortion, FisheyeDistortion
from humandata.schemas.columns import SCHEMA_VERSION
from humandata.schemas.episode import PRIMARY_CAMERA, ArmTrack, ManoTrack
from humandata.schemas.landmarks import Side


@pytest.mark.parametrize("embodiment", ["human_hands", "franka_panda"])
def test_an_episode_survives_the_way_through_arrow(embodiment: str) -> None:
    episode = make_episode(3, embodiment)
    row = {**episode_row(episode), "quality": episode.quality}
    again = episode_from_table(row, steps_table(episode))
    arm, other = episode.arms["right"], again.arms["right"]
    np.testing.assert_allclose(other.T_world_ee, arm.T_world_ee, atol=1e-12)
    np.testing.assert_array_equal(again.timestamp_ns, episode.timestamp_ns)
    np.testing.assert_allclose(again.T_world_camera, episode.T_world_camera)
    assert again.images == episode.images
    assert again.provenance == episode.provenance
    assert again.camera == episode.camera
    assert list(again.arms) == ["right"]
    assert (other.hand is None) == (arm.hand is None)
    if arm.hand is not None and other.hand is not None:
        # landmarks are stored as float32: half a millimetre times 1e-4 at arm's length
        np.testing.assert_allclose(other.hand.landmarks_camera, arm.hand.landmarks_camera, atol=1e-6)


@pytest.mark.parametrize(
    "lens", [BrownDistortion(0.1, -0.2, 0.001, 0.002, 0.05), FisheyeDistortion(0.1, 0.0, 0.0, 0.0)]
)
def test_a_lens_survives_on_disk(tmp_path: Path, lens: Distortion) -> None:
    episode = make_episode(0, "human_hands")
    assert episode.camera is not None
    camera = replace(episode.camera, distortion=lens)
    source = open_source(write_source(tmp_path / "hands", [replace(episode, camera=camera)]))
    assert source.read_episode(episode.id).camera == camera
    assert list(validate_source(source)) == []


def test_mano_survives_on_disk_and_is_null_where_it_was_not_fitted(tmp_path: Path) -> None:
    episode = make_episode(0, "human_hands")
    arm = episode.arms["right"]
    assert arm.hand is not None
    rng = np.random.default_rng(0)
    steps = episode.num_steps
    mano = ManoTrack(rng.normal(size=(steps, 3)), rng.normal(size=(steps, 15, 3)), rng.normal(size=(steps, 10)))
    for values in vars(mano).values():
        values[7] = np.nan
    arms: dict[Side, ArmTrack] = {"right": replace(arm, hand=replace(arm.hand, mano=mano))}
    source = open_source(write_source(tmp_path / "hands", [replace(episode, arms=arms)]))
    assert list(validate_source(source)) == []
    assert source.read_steps(episode.id).column("right_mano_hand_pose")[7].as_py() is None
    again = source.read_episode(episode.id).arms["right"].hand
    assert again is not None
    assert again.mano is not None
    for name, values in vars(mano).items():
        np.testing.assert_array_equal(getattr(again.mano, name), values)


def test_a_source_from_before_a_column_was_added_is_read_and_valid(tmp_path: Path) -> None:
    episode = make_episode(0, "human_hands")
    folder = write_source(tmp_path / "hands", [episode])
    path = folder / "data" / f"{episode.id}.parquet"
    table = pq.read_table(path)
    table = table.select([name for name in table.column_names if "_mano_" not in name])
    earlier = {**table.schema.metadata, b"humandata_schema_version": b"1.0"}
    pq.write_table(table.replace_schema_metadata(earlier), path)
    source = open_source(folder)
    again = source.read_episode(episode.id).arms["right"].hand
    assert again is not None
    assert again.mano is None
    assert {problem.what for problem in validate_source(source)} == {
        "has another SHA-256 than source.json says: it was changed or damaged"
    }


def test_missing_values_are_null_on_disk_never_zero() -> None:
    episode = make_episode(0, "human_hands")
    arm = episode.arms["right"]
    arm.valid[5] = False
    arm.T_world_ee[5] = np.nan
    arm.gripper_opening[5] = np.nan
    table = steps_table(episode)
    for column in ("right_ee_position", "right_ee_wxyz", "right_gripper_opening"):
        assert table.column(column)[5].as_py() is None
        assert table.column(column)[4].as_py() is not None
    assert table.column("left_ee_position").null_count == episode.num_steps


def test_images_are_read_one_at_a_time_across_row_groups(shards: Path) -> None:
    source = open_source(shards / "hands")
    episode_id = source.episodes().column("id")[0].as_py()
    every = source.read_episode(episode_id).images[PRIMARY_CAMERA]
    assert source.read_images(episode_id, [39, 0, 8, 7, 8]) == [every[index] for index in (39, 0, 8, 7, 8)]


def test_polars_reads_the_tables_as_they_are(shards: Path) -> None:
    episodes = pl.read_parquet(shards / "robot" / "episodes.parquet")
    steps = pl.read_parquet(shards / "robot" / "data" / f"{episodes['id'][0]}.parquet")
    assert steps.height == episodes["num_steps"][0]
    assert steps["image"].struct.field("bytes")[0][:2] == b"\xff\xd8"
    assert steps["right_ee_position"].dtype == pl.Array(pl.Float64, 3)


def test_sources_are_found_in_order_of_name(shards: Path) -> None:
    assert [source.document.name for source in find_sources(shards)] == ["hands", "robot"]
    assert [source.document.name for source in find_sources(shards / "robot")] == ["robot"]


def test_an_empty_folder_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="humandata extract"):
        find_sources(tmp_path)


def test_a_newer_schema_is_refused_by_name(shards: Path) -> None:
    path = shards / "hands" / "source.json"
    path.write_text(path.read_text().replace(f'"schema_version": "{SCHEMA_VERSION}"', '"schema_version": "2.0"'))
    with pytest.raises(DatasetError, match=r"schema version 2\.0"):
        open_source(shards / "hands")
