"""A long video is looked at in parts, and what is written is that of one pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from folders import content

from humandata.dataset.read import open_source
from humandata.dataset.validate import validate_source
from humandata.hands.estimator import HandEstimator
from humandata.pipelines.extract import extract
from humandata.pipelines.opened_video import OpenedVideo, see
from humandata.pipelines.part_files import write_part
from humandata.pipelines.recipe import Recipe, load_recipe
from humandata.pipelines.sightings import Sightings
from humandata.pipelines.source_job import SourceSummary
from humandata.video.decode import decode
from humandata.video.parts import Part
from humandata.video.probe import probe
from humandata.video.spool import Pictures, PictureSpool

ONE_PASS = load_recipe("default", ["decode.rate_hz=15", "filters={duration: {}}"])
IN_PARTS = load_recipe("default", ["decode.rate_hz=15", "filters={duration: {}}", "decode.part_s=2"])
IN_CHAPTERS = load_recipe("default", ["decode.rate_hz=15", "filters={}", "decode.part_s=2", "decode.chapter_frames=40"])


@pytest.fixture(scope="module")
def long_video(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one video: a rendered clip to and fro for five seconds, a key frame every half second."""
    return folder_with_long_video(clips, tmp_path_factory.mktemp("long") / "videos", key_interval=10)


@pytest.fixture(scope="module")
def uncut_video(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with no key frame but the first."""
    return folder_with_long_video(clips, tmp_path_factory.mktemp("uncut") / "videos", key_interval=1000)


def folder_with_long_video(clips: Path, folder: Path, key_interval: int) -> Path:
    folder.mkdir()
    source = min((clips / "videos").rglob("*.mp4"))
    images = [cv2.resize(frame.image, (480, 360)) for frame in decode(source, probe(source))]
    with av.open(str(folder / "long.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=20, options={"g": str(key_interval), "bf": "2", "crf": "20"})
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 480, 360, "yuv420p", 1
        for image in to_and_fro(images, 100):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    return folder


def to_and_fro(images: list[np.ndarray], num_frames: int) -> Iterator[np.ndarray]:
    there_and_back = images + images[-2:0:-1]
    for number in range(num_frames):
        yield there_and_back[number % len(there_and_back)]


def run(videos: Path, out: Path, recipe: Recipe = IN_PARTS, workers: int = 1) -> SourceSummary:
    [summary] = extract([videos], out, recipe, num_workers=workers)
    return summary


def test_parts_are_joined_without_a_seam(long_video: Path, tmp_path: Path) -> None:
    check_that_parts_are_as_one_pass(long_video, tmp_path)


def test_a_video_that_cannot_be_cut_is_looked_at_in_stretches_without_a_seam(
    uncut_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = []

    def note(folder: Path, index: int, seen: Sightings, pictures: Pictures) -> None:
        written.append((index, len(seen.timestamp_ns)))
        write_part(folder, index, seen, pictures)

    monkeypatch.setattr("humandata.pipelines.extract_stage.write_part", note)
    check_that_parts_are_as_one_pass(uncut_video, tmp_path)
    assert written == [(0, 60), (1, 15)]  # two seconds of a part and two of overlap, at 15 Hz


def check_that_parts_are_as_one_pass(long_video: Path, tmp_path: Path) -> None:
    summaries = [run(long_video, tmp_path / "one", ONE_PASS), run(long_video, tmp_path / "parts")]
    assert [summary.failures | summary.warnings for summary in summaries] == [{}, {}]
    sources = [open_source(tmp_path / name / "videos") for name in ("one", "parts")]
    assert list(validate_source(sources[1])) == []
    assert not (tmp_path / "parts" / "videos" / ".parts").exists()
    [whole], [joined] = (
        [source.read_episode(row["id"]) for row in source.episodes().to_pylist()] for source in sources
    )
    np.testing.assert_array_equal(joined.timestamp_ns, whole.timestamp_ns)
    assert joined.images == whole.images
    for side, arm in whole.arms.items():
        other = joined.arms[side]
        assert arm.hand is not None
        assert other.hand is not None
        # A tracker that begins two seconds before a seam has settled there; what remains is single precision, and where
        # the fit ends (an improvement of a thousandth).
        np.testing.assert_array_equal(other.valid, arm.valid)
        assert np.nanmax(np.abs(other.hand.landmarks_px - arm.hand.landmarks_px)) < 0.5
        assert np.nanmax(np.abs(other.T_world_ee[:, :3, 3] - arm.T_world_ee[:, :3, 3])) < 0.005


def test_workers_and_an_interruption_change_nothing(
    long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(long_video, tmp_path / "one", IN_CHAPTERS)
    run(long_video, tmp_path / "two", IN_CHAPTERS, workers=2)
    assert content(tmp_path / "two") == content(tmp_path / "one")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("humandata.pipelines.extract_stage.join_in_chapters", stop)
        with pytest.raises(KeyboardInterrupt):
            run(long_video, tmp_path / "stopped", IN_CHAPTERS)
    [lost, *kept] = sorted((tmp_path / "stopped").rglob("*.npz"))
    lost.unlink()  # as if the job had ended before that one
    looked_at = []

    def noted(
        video: OpenedVideo, estimator: HandEstimator, recipe: Recipe, spool: PictureSpool, part: Part
    ) -> Sightings:
        looked_at.append(part.index)
        return see(video, estimator, recipe, spool, part)

    monkeypatch.setattr("humandata.pipelines.extract_stage.see", noted)
    run(long_video, tmp_path / "stopped", IN_CHAPTERS)
    assert looked_at == [0]
    assert len(kept) == 2
    assert content(tmp_path / "stopped") == content(tmp_path / "one")


def test_a_part_that_fails_costs_that_part(long_video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(
        video: OpenedVideo, estimator: HandEstimator, recipe: Recipe, spool: PictureSpool, part: Part
    ) -> Sightings:
        if part.index == 1:
            raise RuntimeError("no such tensor")
        return see(video, estimator, recipe, spool, part)

    monkeypatch.setattr("humandata.pipelines.extract_stage.see", crash)
    summary = run(long_video, tmp_path / "shards")
    assert summary.failures == {}
    assert summary.warnings == {
        "long.mp4": ("the part from 1.5 s to 3.5 s is left out: unexpected RuntimeError: no such tensor",)
    }
    rows = open_source(tmp_path / "shards" / "videos").episodes().to_pylist()
    assert [row for row in rows if row["start_ns"] < 2.5e9 < row["end_ns"]] == []
    assert len(rows) == 2


def test_frames_that_cannot_be_decoded_are_counted(long_video: Path, tmp_path: Path) -> None:
    videos = tmp_path / "videos"
    videos.mkdir()
    damaged = bytearray((long_video / "long.mp4").read_bytes())
    with av.open(str(long_video / "long.mp4")) as container:
        for packet in container.demux(video=0):
            if packet.pts is not None and packet.pos is not None and 1.0 < packet.pts * packet.time_base < 4.2:
                damaged[packet.pos : packet.pos + packet.size] = bytes(packet.size)
    (videos / "long.mp4").write_bytes(damaged)
    summary = run(videos, tmp_path / "shards")
    assert summary.failures == {}
    [told] = summary.warnings.values()
    assert told[0].startswith("damaged in 1.0 s to 4.5 s: [h264] ")
    assert told[1:] == ("damaged: 48 of 75 frames could not be decoded",)
    rows = open_source(tmp_path / "shards" / "videos").episodes().to_pylist()
    assert not any(row["start_ns"] < 3e9 < row["end_ns"] for row in rows)
