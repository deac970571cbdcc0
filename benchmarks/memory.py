"""How much memory a worker takes, on a short video, on a long one, and on one of 4K.

    python benchmarks/memory.py [--quick] [--json] [--videos SIZE:SECONDS ...] [--rate HZ] [--estimator NAME]
                                [--one-key] [--folder F] [--minutes M]

A minute, a quarter of an hour and an hour at 1080p, and a minute at 4K, or the `--videos` named (`1080p:3600`), are
made of a short rendered clip by copying its packets again and again, without encoding them anew. They have as many
frames a second as are looked at (`--rate`), so that no time goes into decoding others. Each video is extracted by one
worker, in a process of its own: `worker` is the largest memory (VmHWM) of that process, `decoder` that of ffmpeg below
it. What they take is bounded by a chapter (`decode.chapter_frames`), so that an hour should take no more than a quarter
of one.

To track the hands in an hour of video takes an hour or two on one core. Memory is what is asked here, so that a
stand-in takes the estimator's place which says two hands in every frame, more than any video of hands keeps; all else
is as it always is. `--estimator mediapipe` runs the real one. `--quick`: three minutes instead of an hour, at 6 Hz.
With `--one-key` the videos are encoded anew with no key frame but the first, so that they cannot be cut into parts.

With `--folder`, what is done is kept there, and the same command goes on with it: after `--minutes` the extraction is
killed, and the figures so far are printed. Those of the largest memory are of all runs together.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Iterable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from humandata.arrays import Image
from humandata.bench.material import to_and_fro
from humandata.bench.speed import PeakMemory
from humandata.geometry.cameras import Camera
from humandata.hands.estimator import DetectSettings, HandDetection
from humandata.pipelines.extract import extract
from humandata.pipelines.recipe import load_recipe
from humandata.report.console import print_line, print_table
from humandata.schemas.landmarks import SIDES
from humandata.studio.capture import capture_clip, encode_mp4
from humandata.studio.clip import ClipOptions
from humandata.studio.hand_skeleton import landmarks
from humandata.studio.scene import PlaceTask
from humandata.video.ffmpeg_program import ffmpeg_executable

LOOP_S = 10.0
SIZES = {"480p": (640, 480), "1080p": (1920, 1080), "4K": (3840, 2160)}
USUAL = ["1080p:60", "1080p:900", "1080p:3600", "4K:60"]
QUICK = ["1080p:60", "1080p:120", "1080p:180"]


class TwoHands:
    """Says two hands in every frame, which drift slowly; looks at nothing."""

    name: ClassVar[str] = "two_hands"
    memory_bytes: ClassVar[int] = 1 << 30
    version = "1"
    weights_sha256 = "0" * 64

    def __init__(self, settings: DetectSettings, weights: Path | None = None) -> None:
        del settings, weights
        # The palm to the camera, fingers up.
        self._hand = landmarks(np.full(17, 0.2)) @ np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])

    def setup(self) -> None:
        """There is nothing to load."""

    def track(
        self, frames: Iterable[tuple[int, Image]], camera: Camera | None = None
    ) -> Generator[tuple[HandDetection, ...]]:
        """Two hands a frame."""
        assert camera is not None
        for timestamp_ns, _ in frames:
            drift = 0.05 * np.sin(timestamp_ns / 1e9)
            yield tuple(self._seen(side, (-0.15 if side == "left" else 0.15) + drift, camera) for side in SIDES)

    def _seen(self, side: Any, x: float, camera: Camera) -> HandDetection:
        hand = self._hand * ([1.0, 1.0, 1.0] if side == "right" else [-1.0, 1.0, 1.0])
        centred = hand - hand.mean(axis=0)
        return HandDetection(side, 0.9, camera.project(centred + [x, 0.0, 0.5]), centred)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three minutes instead of an hour, at 6 Hz")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--videos", nargs="+", metavar="SIZE:SECONDS", help=f"default: {' '.join(USUAL)}")
    parser.add_argument("--rate", type=float, default=30.0, help="frames a second looked at")
    parser.add_argument("--estimator", default="memory:TwoHands")
    parser.add_argument("--one-key", action="store_true", help="videos with no key frame but the first")
    parser.add_argument("--folder", type=Path, help="keep what is done here, and go on with it")
    parser.add_argument("--minutes", type=float, default=None, help="stop after so long")
    parser.add_argument("--extract", nargs=2, type=Path, metavar=("VIDEO", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rate = 6.0
    if arguments.extract:
        video, out = arguments.extract
        extract_one(video, out, arguments.estimator, arguments.rate)
        return
    videos = [each.split(":") for each in arguments.videos or (QUICK if arguments.quick else USUAL)]
    deadline_s = None if arguments.minutes is None else time.monotonic() + 60.0 * arguments.minutes
    with nullcontext(arguments.folder) if arguments.folder else tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.mkdir(exist_ok=True)
        rows = [
            measure(
                make_video(folder, size, float(seconds), arguments.rate, arguments.one_key),
                {"video": size, "video_s": round(float(seconds)), "rate_hz": arguments.rate},
                arguments.estimator,
                deadline_s,
            )
            for size, seconds in videos
        ]
    told = {"peak_worker_mib": max(row["worker_mib"] for row in rows), "rows": rows}
    if arguments.json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    print_table("memory in MiB", [key.replace("_", " ") for key in rows[0]], [list(row.values()) for row in rows])
    print_line(json.dumps({"peak_worker_mib": told["peak_worker_mib"]}))


def make_video(folder: Path, size: str, seconds: float, rate_hz: float, one_key: bool) -> Path:
    """A video of that size and length with so many frames a second; what is there already is left alone."""
    source, clip = folder / "rendered.mp4", folder / f"{size}-{rate_hz:g}Hz.mp4"
    video = folder / f"{clip.stem}-{seconds:.0f}s{'-one-key' * one_key}.mp4"
    if not source.exists():
        (folder / "truth").mkdir(exist_ok=True)
        options = ClipOptions(PlaceTask("red", "left"), False, True, 30, max_duration_s=1.5)
        capture_clip(90_017, options, source, folder / "truth")
    if not clip.exists():
        encode_mp4(to_and_fro(source, SIZES[size], round(LOOP_S * rate_hz)), round(rate_hz), clip)
    if not video.exists():
        anew = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "1000000", "-sc_threshold", "0"]
        loops = ["-stream_loop", str(round(seconds / LOOP_S) - 1), "-i", str(clip)]
        command = [ffmpeg_executable(), "-nostdin", "-loglevel", "error", *loops]
        subprocess.run([*command, *(anew if one_key else ["-c", "copy"]), "-y", str(video)], check=True)
    return video


def measure(video: Path, asked: dict[str, Any], estimator: str, deadline_s: float | None) -> dict[str, Any]:
    """One row: a video extracted by one worker in a process of its own."""
    kept = video.with_suffix(".figures")  # a .json would be the sidecar
    row: dict[str, Any] = asked | {"worker_mib": 0, "decoder_mib": 0, "seconds": 0, "finished": False}
    if kept.exists():
        row = json.loads(kept.read_text())
    left_s = None if deadline_s is None else deadline_s - time.monotonic()
    if row["finished"] or (left_s is not None and left_s <= 0):
        return row
    started = time.monotonic()
    command = [sys.executable, __file__, "--extract", str(video), str(video.parent / "out")]
    command += ["--estimator", estimator, "--rate", str(row["rate_hz"])]
    with PeakMemory() as peak, suppress(subprocess.TimeoutExpired):
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL, env=environment, timeout=left_s)
        row["finished"] = True
    decoder_mib = max((mib for name, mib in peak.mib_of.items() if name.startswith("ffmpeg")), default=0.0)
    row["worker_mib"] = max(row["worker_mib"], round(peak.mib))
    row["decoder_mib"] = max(row["decoder_mib"], round(decoder_mib))
    row["seconds"] += round(time.monotonic() - started)
    kept.write_text(json.dumps(row))
    return row


def extract_one(video: Path, out: Path, estimator: str, rate_hz: float) -> None:
    """What the process that is measured does."""
    recipe = load_recipe("default", [f"detect.estimator={estimator}", f"decode.rate_hz={rate_hz}", "filters={}"])
    [summary] = extract([video], out, recipe, video.stem, num_workers=1)
    assert not summary.failures, summary.failures


if __name__ == "__main__":
    main()
