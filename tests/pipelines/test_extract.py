from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from folders import content
from steady_hands import SteadyHands

from humandata.dataset.read import open_source
from humandata.dataset.validate import validate_source
from humandata.errors import OutputError, UsageError
from humandata.pipelines.extract import extract, plan_extract
from humandata.pipelines.extract_stage import ExtractStage
from humandata.pipelines.recipe import Recipe, load_recipe
from humandata.pipelines.source_job import SourceSummary
from humandata.pipelines.stage import Needs
from humandata.studio.truth import load_truth
from humandata.video.files import find_videos

RECIPE = load_recipe("default", ["decode.rate_hz=15", "filters={duration: {}}"])


@pytest.fixture
def videos(clips: Path, tmp_path: Path) -> Path:
    """The rendered clips, to change as the test likes."""
    return Path(shutil.copytree(clips / "videos", tmp_path / "videos"))


def run(videos: Path, out: Path, recipe: Recipe = RECIPE, workers: int = 1) -> SourceSummary:
    [summary] = extract([videos], out, recipe, num_workers=workers)
    return summary


def content_and_times(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def write_video(path: Path, num_frames: int = 8) -> Path:
    """A video of a plain wall, without a hand in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(num_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def test_clips_become_a_sound_source_that_knows_where_it_comes_from(clips: Path, videos: Path, tmp_path: Path) -> None:
    summary = run(videos, tmp_path / "shards")
    source = open_source(tmp_path / "shards" / "videos")
    assert summary.failures == {}
    assert list(validate_source(source)) == []
    assert source.document.recipe.content["decode"]["rate_hz"] == 15
    assert source.document.recipe.content["tools"]["weights_sha256"]
    rows = source.episodes().to_pylist()
    assert len(rows) == 2
    for row in rows:
        assert row["task"].startswith("put the ")
        assert (row["intrinsics"], row["camera_motion"], row["scale"]) == ("sidecar", "static", "assumed")
        truth = load_truth(clips / "truth" / Path(row["input"]).with_suffix(".npz"))
        episode = source.read_episode(row["id"])
        index = np.searchsorted(truth.timestamp_ns, episode.timestamp_ns)
        np.testing.assert_array_equal(truth.timestamp_ns[index], episode.timestamp_ns)
        assert episode.camera == truth.camera
        for side, arm in episode.arms.items():
            both = arm.valid & truth.hands[side].visible[index]
            if not both.any():
                continue
            assert arm.hand is not None
            error_px = np.linalg.norm(
                arm.hand.landmarks_px[both] - truth.hands[side].landmarks_px[index][both], axis=-1
            )
            error_m = np.linalg.norm(arm.T_world_ee[both] - truth.hands[side].T_world_ee[index][both], axis=(1, 2))
            # a mistaken side, frame or camera would be hundreds of pixels and decimetres off
            assert np.median(error_px) < 15
            assert np.isfinite(error_m).all()


def test_two_workers_write_the_same_bytes_as_one_and_leave_nothing_else(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(videos, tmp_path / "one", workers=1)
    with tempfile.TemporaryDirectory(
        ignore_cleanup_errors=True
    ) as folder:  # shorter than tmp_path: Ray puts sockets into it
        monkeypatch.setenv("RAY_TMPDIR", folder)
        run(videos, tmp_path / "two", workers=2)
        rays = list(Path(folder).glob("ray/session_*"))
    assert [path.name for path in rays] == ["session_latest"], "Ray was there, and its logs are not"
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_a_rerun_touches_nothing_and_a_change_redoes_what_changed(videos: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    run(videos, out)
    before = content_and_times(out)
    again = run(videos, out)
    assert (again.num_inputs, again.num_unchanged) == (2, 2)
    assert content_and_times(out) == before

    first, second = sorted(videos.rglob("*.mp4"))
    os.utime(first, ns=(1, 1))  # another time alone does not make it another video
    sidecar = json.loads(second.with_suffix(".json").read_text())
    second.with_suffix(".json").write_text(json.dumps({**sidecar, "task": "something else"}))
    assert [item.path for item in plan_extract([videos], out, RECIPE)[0].pending] == [second]
    assert run(videos, out).num_unchanged == 1
    tasks = open_source(out / "videos").episodes().column("task").to_pylist()
    assert tasks.count("something else") == 1
    assert not run(videos, out, RECIPE.model_copy(update={"filters": {}})).num_unchanged


def test_a_job_that_is_stopped_keeps_what_it_finished(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(videos, tmp_path / "whole")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("humandata.pipelines.job_progress.JobProgress.finish", stop)
        with pytest.raises(KeyboardInterrupt, match=r"1 of 2 inputs are done and kept in .* again to go on"):
            run(videos, tmp_path / "shards")
    resumed = run(videos, tmp_path / "shards")
    assert resumed.num_unchanged == 1
    assert content(tmp_path / "shards") == content(tmp_path / "whole")


def test_broken_inputs_are_named_and_the_rest_is_done(videos: Path, tmp_path: Path) -> None:
    good, other = sorted(videos.rglob("*.mp4"))
    (videos / "empty.mp4").write_bytes(b"")
    (videos / "notes.mp4").write_text("buy milk\n")
    (videos / "cut.mp4").write_bytes(good.read_bytes()[:3000])
    write_sound(videos / "sound.mp4")
    write_video(videos / "wall.mp4")
    other.with_suffix(".json").write_text('{"intrinsics": {"fx": 600.0, "fy": 600.0, "cx": 320.0, "cy": 240.0}}')
    summary = run(videos, tmp_path / "shards")
    told = {Path(name).name: error for name, error in summary.failures.items()}
    assert told.keys() == {"empty.mp4", "notes.mp4", "cut.mp4", "sound.mp4", other.name}
    assert "empty" in told["empty.mp4"]
    assert "holds text" in told["notes.mp4"]
    assert "cut off" in told["cut.mp4"]
    assert "no video stream" in told["sound.mp4"]
    assert "'intrinsics.width' is missing" in told[other.name]
    assert not any("Traceback" in error for error in told.values())
    assert summary.document.counts.episodes == 1
    assert summary.rejections == {"no_hands": 1}
    [rejected] = open_source(tmp_path / "shards" / "videos").rejected().to_pylist()
    assert rejected["input"] == "wall.mp4"
    assert "in 0 of 8 frames" in rejected["reason"]


def test_intrinsics_of_another_shape_are_refused(videos: Path, tmp_path: Path) -> None:
    video = min(videos.rglob("*.mp4"))
    intrinsics = {"fx": 900.0, "fy": 900.0, "cx": 960.0, "cy": 540.0, "width": 1920, "height": 1080}
    video.with_suffix(".json").write_text(json.dumps({"intrinsics": intrinsics}))
    [error] = run(video.parent, tmp_path / "shards").failures.values()
    assert "1920x1080" in error


def test_without_a_sidecar_everything_is_marked_as_assumed(videos: Path, tmp_path: Path) -> None:
    video = min(videos.rglob("*.mp4"))
    video.with_suffix(".json").unlink()
    run(video.parent, tmp_path / "shards")
    [row] = open_source(tmp_path / "shards" / video.parent.name).episodes().to_pylist()
    told = ("camera_motion", "camera_decided_by", "world_frame")
    assert row["intrinsics"] == "assumed"
    assert tuple(row[key] for key in told) == ("static", "background", "camera_start")
    assert dict(row["quality"])["camera_still_pictures"] == 1.0
    assert row["task"] is None
    for motion, expected in (
        ("static", ("static", "option", "camera_start")),
        ("sidecar", ("unknown", "nothing", "camera")),
    ):
        run(video.parent, tmp_path / motion, load_recipe("default", [f"camera.motion={motion}", "filters={}"]))
        [row] = open_source(tmp_path / motion / video.parent.name).episodes().to_pylist()
        assert tuple(row[key] for key in told) == expected


def test_a_file_of_poses_beside_the_video_is_its_cameras_path_and_part_of_the_input(
    videos: Path, tmp_path: Path
) -> None:
    video = min(videos.rglob("*.mp4"))
    video.with_suffix(".json").unlink()
    poses, out = video.with_name(f"{video.stem}.tum.txt"), tmp_path / "shards"
    poses.write_text("".join(f"{index / 20} {index / 200} 0 1.5 0 0 0 1\n" for index in range(60)))
    run(video.parent, out)
    source = open_source(out / video.parent.name)
    [row] = source.episodes().to_pylist()
    assert (row["camera_motion"], row["camera_decided_by"], row["world_frame"]) == ("sidecar", "sidecar", "arbitrary")
    episode = source.read_episode(row["id"])
    np.testing.assert_allclose(episode.T_world_camera[:, 0, 3], episode.timestamp_ns / 1e9 * 0.1, atol=1e-6)
    assert not plan_extract([video.parent], out, RECIPE)[0].pending
    poses.write_text("0.0 0 0 0\n")
    [item] = plan_extract([video.parent], out, RECIPE)[0].pending
    [error] = run(video.parent, out).failures.values()
    assert f"{item.path.stem}.tum.txt:1: expected 8 numbers" in error


def test_a_folder_that_cannot_be_written_stops_the_job_at_its_start(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        run(videos, tmp_path / "file" / "shards")


def test_a_wrong_recipe_key_is_answered_with_the_right_one() -> None:
    with pytest.raises(UsageError, match=r"unknown field 'decode\.rate', did you mean 'rate_hz'"):
        load_recipe("default", ["decode.rate=15"])
    with pytest.raises(UsageError, match="Did you mean 'default'"):
        load_recipe("defualt")
    with pytest.raises(UsageError, match="expected key=value"):
        load_recipe("default", ["decode.rate_hz"])


def test_every_recipe_that_comes_with_the_package_loads() -> None:
    assert load_recipe("default") == Recipe()
    assert load_recipe("fast").decode.rate_hz == 15


def test_a_folder_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_video(tmp_path / "videos" / "a.mp4")
    locked = tmp_path / "videos" / "lost+found"  # root, as whom tests may run, can read any
    monkeypatch.setattr(
        "humandata.pipelines.extract.find_videos", lambda paths: replace(find_videos(paths), unreadable=(locked,))
    )
    [plan] = plan_extract([tmp_path / "videos"], tmp_path / "shards", RECIPE)
    assert [item.input for item in plan.items] == ["a.mp4"]
    assert f"{locked}: cannot be read" in caplog.text


def test_a_worker_asks_a_cluster_for_what_its_estimator_needs(tmp_path: Path) -> None:
    recipe = load_recipe("default", ["detect.estimator=steady_hands:SteadyHands"])
    stage = ExtractStage(tmp_path, recipe, "0" * 64, num_gpus=0.25)
    assert stage.needs == Needs(num_gpus=0.25, memory_bytes=SteadyHands.memory_bytes)
