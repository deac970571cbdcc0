"""Extraction with what only some videos come with: depth maps, a second view, a measured hand, a known lens."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest

from humandata.dataset.read import ShardSource, open_source
from humandata.geometry.distortion import BrownDistortion
from humandata.pipelines.extract import extract, plan_extract
from humandata.pipelines.recipe import load_recipe
from humandata.pipelines.source_job import SourceSummary
from humandata.schemas.episode import ArmTrack
from humandata.schemas.landmarks import HandLandmark
from humandata.schemas.sidecar import Sidecar
from humandata.studio.clip import ClipOptions, plan_clip
from humandata.studio.measured_capture import record_measured_clip
from humandata.studio.scene import PlaceTask
from humandata.studio.truth import Truth, load_truth

SETTINGS = ["decode.rate_hz=20", "store.rate_hz=20", "filters={}"]


@dataclass(frozen=True)
class Rig:
    """One clip as a rig takes it, the sidecar that tells all there is to tell of it, and its truth."""

    videos: Path
    sidecar: Sidecar
    truth: Truth


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    folder = tmp_path_factory.mktemp("rig")
    (folder / "videos").mkdir()
    options = ClipOptions(PlaceTask("red", "left"), False, False, width=480, height=360, max_duration_s=0.6)
    sidecar = record_measured_clip(plan_clip(1, options), folder / "videos" / "lift.mp4", folder)
    return Rig(folder / "videos", sidecar, load_truth(folder / "lift.npz"))


def lay_out(rig: Rig, folder: Path, *told: str, files: Sequence[str] = ("lift.mp4",)) -> Path:
    """A folder of the clip and some of the rig's files, with a sidecar that tells the named fields."""
    videos = folder / "videos"
    videos.mkdir()
    for name in files:
        source = rig.videos / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, videos / name)
    content = rig.sidecar.model_dump(mode="json", exclude_none=True)
    (videos / "lift.json").write_text(json.dumps({name: content[name] for name in told}))
    return videos


def extracted(videos: Path, *changes: str) -> tuple[SourceSummary, ShardSource]:
    recipe = load_recipe("default", [*SETTINGS, *changes])
    [summary] = extract([videos], videos.parent / "shards", recipe, num_workers=1)
    return summary, open_source(summary.path)


def only_arm(source: ShardSource) -> ArmTrack:
    [episode_id] = source.episodes().column("id").to_pylist()
    [arm] = source.read_episode(episode_id, images=False).arms.values()
    return arm


def hand_length(arm: ArmTrack) -> float:
    """Along the bones from the wrist to the tip of the middle finger, median over the steps."""
    assert arm.hand is not None
    chain = [HandLandmark.WRIST, *range(HandLandmark.MIDDLE_MCP, HandLandmark.MIDDLE_TIP + 1)]
    bones = np.diff(arm.hand.landmarks_camera[:, chain], axis=1)
    return float(np.nanmedian(np.linalg.norm(bones, axis=-1).sum(axis=-1)))


def wrist_error(rig: Rig, source: ShardSource) -> float:
    """Median distance in metres of the stored wrist from the true one, in the camera frame."""
    [row] = source.episodes().to_pylist()
    episode = source.read_episode(row["id"], images=False)
    steps = np.searchsorted(rig.truth.timestamp_ns, episode.timestamp_ns)
    [(side, arm)] = episode.arms.items()
    assert arm.hand is not None
    error = arm.hand.landmarks_camera - rig.truth.hands[side].landmarks_camera[steps]
    return float(np.nanmedian(np.linalg.norm(error[:, HandLandmark.WRIST], axis=-1)))


def test_depth_maps_are_used_and_make_the_scale_metric(rig: Rig, tmp_path: Path) -> None:
    videos = lay_out(rig, tmp_path, "intrinsics", "camera_motion", "depth", files=("lift.mp4", "lift.depth"))
    summary, source = extracted(videos)
    assert summary.failures == {}
    assert summary.figures["hands_with_measured_depth"] >= 0.9 * summary.figures["hands"] > 0
    assert source.episodes().column("scale").to_pylist() == ["metric"]
    assert wrist_error(rig, source) < 0.015  # what is assumed of the wrist's thickness errs by less than a centimetre

    first = videos / "lift.depth" / "000000.png"
    shutil.copy(videos / "lift.depth" / "000001.png", first)
    [plan] = plan_extract([videos], tmp_path / "shards", load_recipe("default", SETTINGS))
    assert len(plan.pending) == 1  # what belongs to the video has changed
    first.write_bytes(b"no picture")
    summary, _ = extracted(videos)
    assert "000000.png: not a PNG" in summary.failures["lift.mp4"]


def test_a_second_view_is_part_of_the_first_one_s_input(rig: Rig, tmp_path: Path) -> None:
    files = ("lift.mp4", "lift.second.mp4")
    videos = lay_out(rig, tmp_path, "intrinsics", "camera_motion", "stereo", files=files)
    summary, source = extracted(videos)
    assert summary.failures == {}
    assert summary.num_inputs == 1
    assert summary.figures["hands_with_measured_depth"] >= 0.8 * summary.figures["hands"] > 0
    assert source.episodes().column("scale").to_pylist() == ["metric"]
    assert wrist_error(rig, source) < 0.025  # at 0.5 m, a pixel of the detector's in one of the views is 8 mm


def test_a_measured_hand_is_as_long_as_it_is_said_to_be(rig: Rig, tmp_path: Path) -> None:
    videos = lay_out(rig, tmp_path, "intrinsics")
    _, assumed = extracted(videos)
    assert assumed.episodes().column("scale").to_pylist() == ["assumed"]
    _, source = extracted(videos, "person.hand_length_m=0.23")
    assert source.episodes().column("scale").to_pylist() == ["metric"]
    # the chain of bones is a little longer than the straight line from wrist to fingertip along a flat hand
    assert 0.22 < hand_length(only_arm(source)) < 0.26


def test_a_lens_is_known_from_metadata_else_from_calibration(rig: Rig, tmp_path: Path) -> None:
    videos = lay_out(rig, tmp_path)
    tag = "com.apple.quicktime.camera.focal_length.35mm_equivalent"
    with (
        av.open(str(videos / "lift.mp4")) as given,
        av.open(str(videos / "phone.mov"), "w", options={"movflags": "use_metadata_tags"}) as phone,
    ):
        phone.metadata[tag] = "26"
        stream = phone.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                phone.mux(packet)
    calibrated = json.loads(rig.sidecar.model_dump_json(exclude_none=True))["intrinsics"]
    calibrated["distortion"] = {"model": "brown", "coefficients": [-0.1, 0.02, 0.0, 0.0]}
    (videos / "lift.json").write_text(json.dumps({"intrinsics": calibrated}))
    _, source = extracted(videos)
    rows = {row["input"]: row for row in source.episodes().to_pylist()}
    assert rows["lift.mp4"]["intrinsics"] == "sidecar"
    camera = source.read_episode(rows["lift.mp4"]["id"]).camera
    assert camera is not None
    assert camera.distortion == BrownDistortion(-0.1, 0.02, 0.0, 0.0)
    assert rows["phone.mov"]["intrinsics"] == "exif"
    np.testing.assert_allclose(rows["phone.mov"]["camera_fx"], 26 / 43.2666 * np.hypot(480, 360), rtol=1e-4)
