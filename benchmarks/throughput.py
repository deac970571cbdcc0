"""How fast `extract` is, beside the script one would write first and beside the floor.

    python benchmarks/throughput.py [--quick] [--json] [--video FILE]

naive: OpenCV and MediaPipe in one process, forward only, the same frames at the same size.
floor: decoding alone plus the model alone, for every call of it that the recipe made, by as many processes.

Frames are those looked at, of all videos together, a second. `extract` is timed with the start of its workers and the
model, as a person waits for it; `steady` is without that (the time of videos of two frames is taken off), and what is
compared with the others, which leave it out too. Memory is that of the largest process of a job of several workers; one
worker's is within this process and is not told. Material is a rendered clip played to and fro, or a video of
yours. What else runs on the machine counts against all three, so they are measured by turns and medians are told, and
the milliseconds of CPU that a frame costs beside them, which other work hardly touches.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from humandata.bench.material import to_and_fro
from humandata.bench.speed import Cost, Meter, PeakMemory, floor_cost, naive_cost
from humandata.pipelines.extract import extract
from humandata.pipelines.recipe import Recipe, load_recipe
from humandata.report.console import print_line, print_table
from humandata.studio.capture import capture_clip, encode_mp4
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask
from humandata.video.decode import decode
from humandata.video.probe import probe

SIZES = {"480p": (640, 480), "1080p": (1440, 1080), "4K": (2880, 2160)}
CORES = len(os.sched_getaffinity(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one size, short videos, one round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5, help="medians are of so many")
    parser.add_argument("--video", type=Path, help="material of yours instead of rendered material")
    arguments = parser.parse_args()
    rounds, seconds, sizes = (1, 2.0, ["480p"]) if arguments.quick else (arguments.rounds, 4.0, list(SIZES))
    with tempfile.TemporaryDirectory() as folder:
        material = make_material(Path(folder), seconds, sizes, arguments.video)
        rows = [
            measure(name, videos, recipe, workers, rounds, Path(folder))
            for name, videos in material.items()
            for recipe in ("fast", "default")
            for workers in ((CORES,) if arguments.quick else (1, CORES) if len(videos) > 1 else (1,))
            if len(videos) > 1 or not arguments.quick
        ]
    told = summarise(rows)
    if arguments.json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    print_table("frames a second", [name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
    print_line(json.dumps({key: value for key, value in told.items() if key != "rows"}))


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures that are compared from version to version: the worst row of each kind, with all cores at work."""
    busy = [row for row in rows if row["workers"] == CORES]

    def worst(key: str, recipe: str) -> float:
        return float(min(row[key] for row in busy if row["recipe"] == recipe))

    return {
        "floor_share": min(worst("floor_share", "fast"), worst("floor_share", "default")),
        "vs_naive_fast": worst("vs_naive", "fast"),
        "vs_naive_default": worst("vs_naive", "default"),
        "peak_worker_mib": max(row["peak_worker_mib"] for row in rows),
        "load_average": round(os.getloadavg()[0], 1),
        "rows": rows,
    }


def make_material(folder: Path, seconds: float, sizes: list[str], given: Path | None) -> dict[str, list[Path]]:
    """One video, and as many as there are cores, of each size."""
    source = given
    if source is None:
        source = folder / "rendered.mp4"
        options = ClipOptions(PlaceTask("red", "left"), False, True, 30, max_duration_s=1.5)
        (folder / "truth").mkdir()
        capture_clip(90_017, options, source, folder / "truth")
    material: dict[str, list[Path]] = {}
    for size in sizes:
        many = folder / size / "many"
        many.mkdir(parents=True)
        first = many / "0.mp4"
        encode_mp4(to_and_fro(source, SIZES[size], round(seconds * 30)), 30, first)
        for number in range(1, 2 * CORES):
            shutil.copy(first, many / f"{number}.mp4")
            # Content tells videos apart; a byte after the last box of an MP4 changes no frame.
            with (many / f"{number}.mp4").open("ab") as file:
                file.write(b"\x00\x00\x00\x09free" + bytes([number]))
        material[f"{2 * CORES} of {size}"] = sorted(many.glob("*.mp4"))
        material[f"1 of {size}"] = [first]
    return material


def measure(name: str, videos: list[Path], recipe_name: str, workers: int, rounds: int, folder: Path) -> dict[str, Any]:
    """One row: medians over rounds of naive, floor and ours, one after the other in each."""
    recipe = load_recipe(recipe_name)
    num_frames = len(videos) * num_looked_at(videos[0], recipe.decode.rate_hz)
    costs: dict[str, list[Cost]] = {"naive": [], "floor": [], "extract": [], "steady": []}
    peak_mib = 0.0
    for number in range(rounds):
        out = folder / f"{number}-{time.monotonic_ns()}"
        tiny = tiny_videos(folder, min(workers, len(videos)))
        start = cost_of_extract(tiny, out / "tiny", recipe, workers)
        costs["naive"].append(naive_cost(videos, recipe))
        costs["floor"].append(floor_cost(videos, recipe, workers))
        with PeakMemory() as peak:
            costs["extract"].append(cost_of_extract(videos, out / "whole", recipe, workers))
        costs["steady"].append(costs["extract"][-1] - start)
        peak_mib = max(peak_mib, peak.mib)
        shutil.rmtree(out)
    seconds = {key: statistics.median(cost.seconds for cost in each) for key, each in costs.items()}
    cpu_s = {key: statistics.median(cost.cpu_s for cost in each) for key, each in costs.items()}
    return {
        "videos": name,
        "recipe": recipe_name,
        "workers": workers,
        "frames": num_frames,
        **{f"{key}_frames_per_s": round(num_frames / value, 1) for key, value in seconds.items()},
        "floor_share": round(seconds["floor"] / seconds["steady"], 3),
        "vs_naive": round(seconds["naive"] / seconds["steady"], 3),
        **{f"{key}_cpu_ms": round(1000 * value / num_frames, 1) for key, value in cpu_s.items()},
        "floor_share_cpu": round(cpu_s["floor"] / cpu_s["steady"], 3),
        "peak_worker_mib": round(peak_mib),
    }


def cost_of_extract(videos: list[Path], out: Path, recipe: Recipe, workers: int) -> Cost:
    meter = Meter()
    [summary] = extract(videos, out, recipe, "videos", num_workers=workers)
    assert not summary.failures, summary.failures
    return meter.read()


def tiny_videos(folder: Path, count: int) -> list[Path]:
    """A video for each worker that is over before it has begun: what it takes is the start of workers and model."""
    tiny = folder / "tiny"
    tiny.mkdir(exist_ok=True)
    videos = [tiny / f"{number}.mp4" for number in range(count)]
    for level, video in enumerate(videos):
        encode_mp4([np.full((48, 64, 3), 40 * level, np.uint8)] * 2, 30, video)
    return videos


def num_looked_at(video: Path, rate_hz: float) -> int:
    return sum(1 for _ in decode(video, probe(video), max_side=64, rate_hz=rate_hz))


if __name__ == "__main__":
    main()
