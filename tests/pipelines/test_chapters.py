"""A long video is made into episodes chapter by chapter: the same ones, in memory that does not grow with it."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import av
import numpy as np
import pytest
from folders import content
from hand_builders import detection, moving_hand, timestamps
from hypothesis import given
from hypothesis import strategies as st

from humandata.dataset.read import open_source
from humandata.dataset.validate import validate_source
from humandata.pipelines.chapters import REACH, Chapter, cut_into_chapters
from humandata.pipelines.extract import extract
from humandata.pipelines.extract_stage import LongVideo, PartsStage
from humandata.pipelines.opened_video import OpenedVideo
from humandata.pipelines.part_files import write_part
from humandata.pipelines.recipe import Recipe, load_recipe
from humandata.pipelines.sightings import Sightings
from humandata.pipelines.single_thread import single_thread
from humandata.pipelines.video_item import VideoItem, identify
from humandata.pipelines.video_record import VideoWriter
from humandata.schemas.episode import Episode
from humandata.trajectories.segment import Segment
from humandata.video.parts import Part
from humandata.video.spool import PictureSpool

SECOND_NS = 1_000_000_000


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one video of ten seconds, a key frame every second."""
    folder = tmp_path_factory.mktemp("chapters") / "videos"
    folder.mkdir()
    write_video(folder / "long.mp4", num_frames=150, key_interval=15)
    return folder


def write_video(path: Path, num_frames: int, key_interval: int) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=15, options={"g": str(key_interval)})
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 128, 96, "yuv420p", 1
        for _ in range(num_frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((96, 128, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))


def recipe(estimator: str, *changes: str) -> Recipe:
    usual = [
        f"detect.estimator=steady_hands:{estimator}",
        "decode.rate_hz=15",
        "decode.part_s=4",
        "camera.motion=static",
    ]
    return load_recipe("default", [*usual, "filters={}", *changes])


IN_TWO = "decode.chapter_frames=100"


def extracted(videos: Path, out: Path, recipe: Recipe) -> list[Episode]:
    [summary] = extract([videos], out, recipe, num_workers=1)
    assert summary.failures | summary.warnings == {}
    source = open_source(out / "videos")
    assert list(validate_source(source)) == []
    return [source.read_episode(row["id"]) for row in source.episodes().to_pylist()]


def test_a_seam_where_no_hand_is_seen_changes_nothing(videos: Path, tmp_path: Path) -> None:
    in_one = extracted(videos, tmp_path / "one", recipe("PausingHands"))
    in_two = extracted(videos, tmp_path / "two", recipe("PausingHands", IN_TWO))
    assert len(in_one) == len(in_two) == 2
    for one, two in zip(in_one, in_two, strict=True):
        np.testing.assert_array_equal(two.timestamp_ns, one.timestamp_ns)
        assert two.images == one.images
        hand, other = one.arms["right"].hand, two.arms["right"].hand
        assert hand is not None
        assert other is not None
        np.testing.assert_array_equal(other.landmarks_px, hand.landmarks_px)
        # A chapter fits bones of its own, so that a hand may be nearer by what is not known of its size.
        moved_m = np.abs(other.T_world_wrist - hand.T_world_wrist)[:, :3, 3]
        assert np.nanmax(moved_m / hand.wrist_sigma_m) < 1.0


def test_an_episode_that_runs_on_ends_with_its_chapter(videos: Path, tmp_path: Path) -> None:
    [whole] = extracted(videos, tmp_path / "one", recipe("SteadyHands"))
    parts = extracted(videos, tmp_path / "two", recipe("SteadyHands", IN_TWO))
    assert [len(part.timestamp_ns) for part in parts] == [75, 75]
    np.testing.assert_array_equal(np.concatenate([part.timestamp_ns for part in parts]), whole.timestamp_ns)


def test_a_job_stopped_between_chapters_goes_on_as_if_nothing_had_been(
    videos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extracted(videos, tmp_path / "two", recipe("SteadyHands", IN_TWO))
    make = VideoWriter._episode
    made: list[Episode] = []

    def stop_at_the_second(writer: VideoWriter, video: OpenedVideo, segment: Segment, chapter: Chapter) -> Episode:
        if made:
            raise KeyboardInterrupt
        made.append(make(writer, video, segment, chapter))
        return made[0]

    with monkeypatch.context() as patched:
        patched.setattr(VideoWriter, "_episode", stop_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            extracted(videos, tmp_path / "stopped", recipe("SteadyHands", IN_TWO))
    assert len(list((tmp_path / "stopped").rglob("data/*.parquet"))) == 1
    extracted(videos, tmp_path / "stopped", recipe("SteadyHands", IN_TWO))
    assert content(tmp_path / "stopped") == content(tmp_path / "two")


def test_memory_does_not_grow_with_the_number_of_chapters(videos: Path, tmp_path: Path) -> None:
    # The first time, modules are loaded.
    _, few, many = (peak_of_joining(videos / "long.mp4", tmp_path / str(time), n) for time, n in enumerate((1, 2, 8)))
    # The frames' times and counts of hands, 16 bytes each, and an episode's row are all that is kept of a chapter.
    assert many < 1.05 * few


def test_what_a_killed_job_left_of_a_video_that_cannot_be_cut_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "long.mp4", num_frames=150, key_interval=100_000)
    in_stretches = recipe("SteadyHands", IN_TWO, "decode.overlap_s=1")
    extracted(tmp_path / "videos", tmp_path / "calm", in_stretches)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("humandata.pipelines.extract_stage.join_in_chapters", killed)
        patched.setattr("humandata.pipelines.extract_stage.shutil.rmtree", lambda *_, **__: None)
        with pytest.raises(KeyboardInterrupt):
            extracted(tmp_path / "videos", tmp_path / "stopped", in_stretches)
    [left] = (tmp_path / "stopped" / "videos" / ".parts").iterdir()
    assert sorted(path.name for path in left.glob("*.npz")) == ["00000.npz", "00001.npz"]
    extracted(tmp_path / "videos", tmp_path / "stopped", in_stretches)
    assert content(tmp_path / "stopped") == content(tmp_path / "calm")


def test_memory_does_not_grow_with_the_length_of_a_video_that_cannot_be_cut(tmp_path: Path) -> None:
    # The first time, modules are loaded.
    _, short, long = (peak_of_one_key_frame(tmp_path / str(time), s) for time, s in enumerate((4, 8, 16)))
    assert long < 1.1 * short


def peak_of_one_key_frame(folder: Path, seconds: int) -> int:
    """Bytes at most while a video of that length is extracted that has no key frame but the first."""
    videos = folder / "videos"
    videos.mkdir(parents=True)
    write_video(videos / "long.mp4", num_frames=15 * seconds, key_interval=100_000)
    stretches = recipe("SteadyHands", "decode.part_s=3", "decode.overlap_s=0.5", "decode.chapter_frames=60")
    tracemalloc.start()
    episodes = extracted(videos, folder / "shards", stretches)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(len(episode.timestamp_ns) for episode in episodes) == 15 * seconds
    return peak


def peak_of_joining(video: Path, out: Path, num_parts: int, frames_per_part: int = 40) -> int:
    """Bytes at most while so many parts are joined that hold a hand in every frame."""
    stage = PartsStage(out, recipe("SteadyHands", f"decode.chapter_frames={frames_per_part}"), "0" * 64)
    item = VideoItem("long.mp4", video, None, None)
    identity = identify(item)
    folder = stage.folder_of_parts(identity)
    hands = [(detection(hand, "right"),) for hand in moving_hand("right", frames_per_part)]
    time_ns = timestamps(frames_per_part * num_parts).reshape(num_parts, frames_per_part)
    with PictureSpool() as spool:
        for _ in hands:
            spool.append(b"picture")
        for index in range(num_parts):
            write_part(folder, index, Sightings(time_ns[index], np.arange(frames_per_part), hands), spool)
    parts = tuple(Part(index, None, None, None, None, None, frames_per_part) for index in range(num_parts))
    with single_thread():
        tracemalloc.start()
        stage.process(LongVideo(item, identity, parts))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(list(out.glob("data/*.parquet"))) == num_parts
    return peak


@given(
    st.lists(st.tuples(st.integers(1, 3 * SECOND_NS), st.integers(0, 2)), min_size=1, max_size=60), st.integers(1, 20)
)
def test_chapters_cover_every_frame_once_and_are_bounded(frames: list[tuple[int, int]], num_frames: int) -> None:
    steps, hands = np.array(frames).T
    chapters = cut_into_chapters(np.cumsum(steps), hands, num_frames, bridged_s=1.5)
    assert [frame for chapter in chapters for frame in range(chapter.start, chapter.stop)] == list(range(len(frames)))
    assert all(0 < chapter.stop - chapter.start <= (1 + 2 * REACH) * num_frames + 1 for chapter in chapters)


@pytest.mark.parametrize(
    ("away", "cut"),
    [
        (range(20, 30), 25),  # in the pause
        (range(2, 15), 25),  # too far away
        (range(8, 22), 22),  # the pause ends a little before
        (range(24, 26), 25),  # no pause at all
        (range(50), 25),
    ],
)
def test_a_chapter_ends_where_no_hand_is_seen(away: range, cut: int) -> None:
    hands = np.ones(50, dtype=np.int64)
    hands[list(away)] = 0
    time_ns = np.arange(50) * SECOND_NS // 2
    chapters = cut_into_chapters(time_ns, hands, 30, bridged_s=1.5)
    assert chapters == [slice(0, cut), slice(cut, 50)]
    assert cut_into_chapters(time_ns, hands, 50, bridged_s=1.5) == [slice(0, 50)]
