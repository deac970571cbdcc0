"""Videos from an object store and shards to one: the same bytes as on a disk, whatever happens in between."""

from __future__ import annotations

import json
import os
from pathlib import Path

import av
import numpy as np
import pytest
from folders import content
from steady_hands import SteadyHands

from humandata.dataset.lease import lease
from humandata.errors import MissingDependencyError, StorageError, UsageError
from humandata.mirror import Mirror
from humandata.pipelines.extract import extract, plan_extract
from humandata.pipelines.extract_stage import ExtractStage
from humandata.pipelines.recipe import Recipe, load_recipe
from humandata.storage import Store

RECIPE = load_recipe("default", ["detect.estimator=steady_hands:SteadyHands", "decode.rate_hz=15", "filters={}"])
VIDEOS = ("fold_towel/a.mp4", "c.mp4")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUMANDATA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def videos(tmp_path: Path, bucket: Store) -> Path:
    """A folder of videos, also in the bucket, with the same times."""
    folder = tmp_path / "videos"
    for number, name in enumerate(VIDEOS):
        write_video(folder / name, num_frames=12 + number)
    (folder / "c.json").write_text(json.dumps({"task": "drink", "camera_motion": "static"}))
    for path in (path for path in sorted(folder.rglob("*")) if path.is_file()):
        name = path.relative_to(folder).as_posix()
        (bucket / "videos").upload(name, path)
        stored = (bucket / "videos").stat(name)
        assert stored is not None
        os.utime(path, ns=(stored.mtime_ns, stored.mtime_ns))
    return folder


def write_video(path: Path, num_frames: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(num_frames).integers(0, 255, (96, 128, 3), np.uint8)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
        for _ in range(num_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))


def run(videos: Path | Store, out: Path | Store, recipe: Recipe = RECIPE) -> None:
    place, shards = (Path(each.url) if isinstance(each, Store) else each for each in (videos, out))
    [summary] = extract([place], shards, recipe, num_workers=1)
    assert summary.failures == {}


def on_store(store: Store) -> dict[str, bytes]:
    return {name: store.read(name) for name in store.list()}


def test_from_store_to_store_gives_the_same_bytes_as_from_disk_to_disk(
    videos: Path, bucket: Store, tmp_path: Path
) -> None:
    run(videos, tmp_path / "shards")
    expected = content(tmp_path / "shards")
    assert len([name for name in expected if "/data/" in name]) == len(VIDEOS)
    run(bucket / "videos", bucket / "shards")
    assert on_store(bucket / "shards") == expected
    run(bucket / "videos", tmp_path / "from_store")
    assert content(tmp_path / "from_store") == expected
    run(videos, bucket / "from_disk")
    assert on_store(bucket / "from_disk") == expected

    before = (bucket / "shards").list()
    assert not plan_extract([Path((bucket / "videos").url)], Path((bucket / "shards").url), RECIPE)[0].pending
    run(bucket / "videos", bucket / "shards")
    assert (bucket / "shards").list() == before, "a rerun writes nothing"


def test_long_videos_are_done_in_parts_through_the_store_too(videos: Path, bucket: Store, tmp_path: Path) -> None:
    recipe = RECIPE.model_copy(update={"decode": RECIPE.decode.model_copy(update={"part_s": 0.5, "overlap_s": 0.1})})
    run(videos, tmp_path / "shards", recipe)
    run(bucket / "videos", bucket / "shards", recipe)
    assert on_store(bucket / "shards") == content(tmp_path / "shards")


@pytest.mark.parametrize("stop_at", ["inputs/", "source.json"])
def test_a_job_that_is_stopped_while_it_writes_goes_on_where_it_was(
    stop_at: str, videos: Path, bucket: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(videos, tmp_path / "shards")
    upload, written = Store.upload, []

    def stop(store: Store, name: str, path: Path) -> None:
        written.append(name)
        if name.startswith(stop_at) and len(written) > 2:  # the first video's step file and record
            raise KeyboardInterrupt
        upload(store, name, path)

    with monkeypatch.context() as patched:
        patched.setattr(Store, "upload", stop)
        with pytest.raises(KeyboardInterrupt):
            run(bucket / "videos", bucket / "shards")
    assert "source.json" not in (bucket / "shards" / "videos").list()
    run(bucket / "videos", bucket / "shards")
    assert on_store(bucket / "shards") == content(tmp_path / "shards")


def test_what_fails_is_set_aside_and_what_changed_is_done_again(videos: Path, bucket: Store) -> None:
    source, place, out = bucket / "videos", Path((bucket / "videos").url), Path((bucket / "shards").url)
    source.write("notes.mp4", b"buy milk\n")
    [summary] = extract([place], out, RECIPE, num_workers=1)
    [error] = summary.failures.values()
    assert "notes.mp4: holds text" in error
    assert "s3://" in error
    assert len((bucket / "shards/videos").list("quarantine/")) == 1
    source.upload("notes.mp4", videos / "c.mp4")
    source.write("c.json", b'{"task": "eat"}')
    run(source, bucket / "shards")
    assert (bucket / "shards/videos").list("quarantine/") == {}
    rows = json.loads((bucket / "shards/videos").read("source.json"))["counts"]
    assert (rows["inputs"], rows["episodes"], rows["quarantined"]) == (3, 3, 0)


def test_a_source_is_written_by_one_job_at_a_time(bucket: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with lease(bucket):
        with pytest.raises(UsageError, match=r"process \d+ on .* is writing this source"), lease(bucket):
            pass
        monkeypatch.setattr("humandata.dataset.lease.LEASE_S", -1.0)  # the holder has not been heard of for long
        with lease(bucket):
            pass
    assert bucket.list() == {}


@pytest.mark.parametrize("content", [b"", b"[]", b'{"machine": 1}', b"\xff"])
def test_a_claim_that_nobody_can_read_counts_until_it_is_old(
    bucket: Store, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    bucket.write(".leases/x.json", content)
    with pytest.raises(UsageError, match="another job is writing this source"), lease(bucket):
        pass
    monkeypatch.setattr("humandata.dataset.lease.LEASE_S", -1.0)
    with lease(bucket):
        pass
    assert bucket.list() == {}


def test_a_worker_that_has_another_estimator_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = ExtractStage(tmp_path, RECIPE, "r" * 64)
    monkeypatch.setattr(SteadyHands, "version", "2")
    with pytest.raises(MissingDependencyError, match=r"has steady_hands 2, .* started with steady_hands 1, "):
        stage.setup()


def test_places_that_are_not_there_are_told_in_a_line(bucket: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"s3://.*/nothing: no such folder"):
        extract([Path((bucket / "nothing").url)], tmp_path, RECIPE)
    with pytest.raises(StorageError, match="there is no such bucket"):
        extract([Path("s3://no-such-bucket-here/videos")], tmp_path, RECIPE)


def test_objects_whose_names_would_leave_the_folder_are_passed_over(
    bucket: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.write("fine/x.json", b"{}")
    [stored] = bucket.list().values()
    names = ("fine/x.json", "a/../../x.json", "../x.json", "/x.json", "a//x.json")
    monkeypatch.setattr(Store, "list", lambda *_: dict.fromkeys(names, stored))
    Mirror(bucket, tmp_path / "deep" / "mirror").pull(lambda *_: True)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "deep/mirror/fine/x.json"]
