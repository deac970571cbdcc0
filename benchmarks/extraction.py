"""How far extracted trajectories are from the truth, beside the script anyone would write: MediaPipe and solvePnP.

    python benchmarks/extraction.py [--quick] [--json]

Both see the same rendered clips, every frame of them, with the true intrinsics. The script detects forward with
MediaPipe's defaults and lifts each frame by itself. Recall is the share of visible hands that were found, with their
side; the errors are medians over those. Filters, which turn whole episodes away, are off.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from humandata.dataset.read import open_source
from humandata.embodiments.human_hands import aperture_m, palm_frame
from humandata.geometry.rotations import angle_between, matrix_from_rotvec
from humandata.hands.estimator import DetectSettings
from humandata.hands.mediapipe_estimator import MediaPipeEstimator
from humandata.pipelines.extract import extract
from humandata.pipelines.recipe import load_recipe
from humandata.report.console import print_table
from humandata.schemas.landmarks import SIDES, Side
from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask
from humandata.studio.truth import Truth, load_truth
from humandata.video.decode import decode
from humandata.video.probe import probe

SEED = 20_000
"""Not one that thresholds were chosen on."""

FloatArray = NDArray[np.float64]
Hands = dict[Side, tuple[FloatArray, FloatArray]]
"""Of each side, landmarks (T, 21, 3) in metres in the camera frame, and (T, 21, 2) in pixels; NaN where not found."""


def ours(root: Path, video: Path, truth: Truth) -> Hands:
    """What `extract` stored of a video, at the truth's timestamps."""
    source = open_source(root / "shards" / "videos")
    hands: Hands = nothing(len(truth.timestamp_ns))
    episodes = source.episodes().to_pylist()
    for row in episodes:
        if row["input"] != video.relative_to(root / "videos").as_posix():
            continue
        episode = source.read_episode(row["id"], images=False)
        index = np.searchsorted(truth.timestamp_ns, episode.timestamp_ns - 1_000_000)
        for side, arm in episode.arms.items():
            assert arm.hand is not None
            hands[side][0][index] = arm.hand.landmarks_camera
            hands[side][1][index] = arm.hand.landmarks_px
    return hands


def naive(root: Path, video: Path, truth: Truth) -> Hands:
    """MediaPipe's landmarks, its side of each frame, and solvePnP of its world landmarks."""
    del root
    settings = DetectSettings(min_detection_confidence=0.5, min_presence_confidence=0.5, min_tracking_confidence=0.5)
    frames = ((frame.timestamp_ns, frame.image) for frame in decode(video, probe(video)))
    hands: Hands = nothing(len(truth.timestamp_ns))
    for index, detections in enumerate(MediaPipeEstimator(settings).track(frames)):
        for hand in detections:
            _, rotvec, translation = cv2.solvePnP(
                hand.landmarks_hand, hand.landmarks_px, truth.camera.K, None, flags=cv2.SOLVEPNP_SQPNP
            )
            R = matrix_from_rotvec(np.asarray(rotvec, dtype=np.float64)[:, 0])
            hands[hand.side][0][index] = hand.landmarks_hand @ R.T + np.asarray(translation)[:, 0]
            hands[hand.side][1][index] = hand.landmarks_px
    return hands


def nothing(num_frames: int) -> Hands:
    """No hand found in any frame."""
    return {side: (np.full((num_frames, 21, 3), np.nan), np.full((num_frames, 21, 2), np.nan)) for side in SIDES}


def errors(truth: Truth, hands: Hands) -> dict[str, FloatArray]:
    """Each error over the visible hands of a clip; NaN where a hand was not found."""
    found: dict[str, list[FloatArray]] = {}
    for side, (landmarks, pixels) in hands.items():
        true = truth.hands[side]
        seen = true.visible
        points, exact = landmarks[seen], true.landmarks_camera[seen]
        rotation = angle_between(palm_frame(points, side)[..., :3, :3], palm_frame(exact, side)[..., :3, :3])
        relative = (points - points[:, :1]) - (exact - exact[:, :1])
        figures = {
            "landmarks (px)": np.linalg.norm(pixels[seen] - true.landmarks_px[seen], axis=-1).mean(axis=-1),
            "landmarks (mm)": 1e3 * np.linalg.norm(points - exact, axis=-1).mean(axis=-1),
            "root-relative (mm)": 1e3 * np.linalg.norm(relative, axis=-1).mean(axis=-1),
            "wrist (cm)": 1e2 * np.linalg.norm(points[:, 0] - exact[:, 0], axis=-1),
            "EE rotation (deg)": np.degrees(rotation),
            "aperture (mm)": 1e3 * np.abs(aperture_m(points) - true.aperture_m[seen]),
        }
        for name, values in figures.items():
            found.setdefault(name, []).append(values)
    return {name: np.concatenate(values) for name, values in found.items()}


def measure(root: Path, videos: list[Path], method: Callable[[Path, Path, Truth], Hands]) -> dict[str, float]:
    """Recall and median errors of a method over all clips."""
    every: dict[str, list[FloatArray]] = {}
    for video in videos:
        truth = load_truth(root / "truth" / video.parent.name / f"{video.stem}.npz")
        for name, values in errors(truth, method(root, video, truth)).items():
            every.setdefault(name, []).append(values)
    joined = {name: np.concatenate(values) for name, values in every.items()}
    recall = float(np.isfinite(joined["landmarks (px)"]).mean())
    return {"recall": recall, **{name: float(np.nanmedian(values)) for name, values in joined.items()}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3 short clips instead of 16")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    options = ClipOptions(PlaceTask("red", "left"), max_duration_s=1.5 if arguments.quick else None)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        videos = render_human_videos(root, 3 if arguments.quick else 16, SEED, workers=2, options=options)
        recipe = load_recipe("default", ["store.rate_hz=60", "filters={}"])
        extract([root / "videos"], root / "shards", recipe, num_workers=1)
        result = {"ours": measure(root, videos, ours), "naive": measure(root, videos, naive)}
    if arguments.json:
        sys.stdout.write(json.dumps(result, indent=2) + "\n")
        return
    rows = [[name, result["ours"][name], result["naive"][name]] for name in result["ours"]]
    print_table(f"{len(videos)} clips: medians", ["", "humandata", "MediaPipe + solvePnP"], rows)


if __name__ == "__main__":
    main()
