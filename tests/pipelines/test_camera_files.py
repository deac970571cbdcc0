"""A file of poses of every format, beside a video or named in its sidecar, puts the hands into the world."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
from hand_builders import CAMERA
from path_writers import NUM_POSES, T_DEVICE_CAMERA, WRITERS, known_path

from humandata.camera_motion.formats import SUFFIXES
from humandata.dataset.read import open_source
from humandata.embodiments.human_hands import palm_frame
from humandata.geometry.transforms import position_wxyz_from_transform
from humandata.pipelines.extract import extract
from humandata.pipelines.recipe import load_recipe

RECIPE = load_recipe("default", ["detect.estimator=steady_hands:SteadyHands", "filters={}"])
INTRINSICS = {"fx": CAMERA.fx, "fy": CAMERA.fy, "cx": CAMERA.cx, "cy": CAMERA.cy, "width": 640, "height": 480}


def told(name: str, file: str) -> dict[str, object]:
    """What a sidecar adds to the file: what its format does not say."""
    if name == "colmap":
        return {"camera_path": {"path": file, "format": name, "scale": "metric"}}
    if name == "aria":
        position, wxyz = position_wxyz_from_transform(T_DEVICE_CAMERA)
        mounted = {"position": position.tolist(), "wxyz": wxyz.tolist()}
        return {"camera_path": {"path": file, "format": name, "device_camera": mounted}}
    return {}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video for each format, with a frame for every pose."""
    folder = tmp_path_factory.mktemp("camera_files") / "videos"
    folder.mkdir()
    for name in WRITERS:
        video = folder / f"{name}.mp4"
        with av.open(str(video), "w") as container:
            stream = container.add_stream("libx264", rate=10)
            stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p"
            for _ in range(NUM_POSES):
                picture = np.zeros((96, 128, 3), np.uint8)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode(None))
        [file] = [f"{name}{suffix}" for suffix, known in SUFFIXES.items() if known == name][:1]
        WRITERS[name](folder / file, known_path())
        video.with_suffix(".json").write_text(json.dumps({"intrinsics": INTRINSICS, **told(name, file)}))
    return folder


def test_the_path_is_stored_and_the_hands_are_in_its_world(videos: Path, tmp_path: Path) -> None:
    [summary] = extract([videos], tmp_path / "shards", RECIPE, num_workers=1)
    assert summary.failures | summary.warnings == {}
    source = open_source(summary.path)
    rows = source.episodes().to_pylist()
    assert {row["input"] for row in rows} == {f"{name}.mp4" for name in WRITERS}
    for row in rows:
        gravity = row["input"] in {"aria.mp4", "record3d.mp4"}
        told = [row[key] for key in ("camera_motion", "camera_decided_by", "world_frame")]
        assert told == ["sidecar", "sidecar", "gravity" if gravity else "arbitrary"]
        episode = source.read_episode(row["id"], images=False)
        assert episode.num_steps == NUM_POSES
        np.testing.assert_allclose(episode.T_world_camera, known_path(), atol=1e-6)
        arm = episode.arms["right"]
        assert arm.hand is not None
        expected = known_path() @ palm_frame(arm.hand.landmarks_camera, "right")
        np.testing.assert_allclose(arm.T_world_ee, expected, atol=1e-5)  # landmarks are stored in single precision
