"""How fast `extract` is, beside the script one would write first and beside the floor.

    python benchmarks/throughput.py [--quick] [--json] [--rounds N] [--video FILE]

naive: OpenCV and MediaPipe in one process, forward only, the same frames at the same size.
floor: decoding alone plus the model alone, for every call of it that the recipe made, by as many processes.

Frames are those looked at, of all videos together, a second. All three are timed with workers started and the model
loaded, which takes a job `start_s` before its first frame. `1 of 480p in 2 parts` is a longer video that is cut for two
workers. Memory is that of the largest process of a job of several workers; benchmarks/memory.py tells more of it.
Material is a rendered clip played to and fro, or a video of yours. What else runs on the machine counts against all
three, so they are measured by turns and medians are told, and the milliseconds of CPU that a frame costs beside them,
which other work hardly touches.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from humandata.bench.material import to_and_fro
from humandata.bench.speed import Cost, Meter, PeakMemory, floor_cost, naive_cost
from humandata.pipelines.extract import extract_on
from humandata.pipelines.recipe import load_recipe
from humandata.pipelines.runner import open_runner
from humandata.report.console import print_line, print_table
from humandata.studio.capture import capture_clip, encode_mp4
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask
from humandata.video.decode import decode
from humandata.video.probe import probe

SIZES = {"480p": (640, 480), "1080p": (1440, 1080), "4K": (2880, 2160)}
CORES = len(os.sched_getaffinity(0))
SHORT_S, LONG_S = 6.0, 60.0


@dataclass(frozen=True)
class Case:
    """Videos that are extracted in one go."""

    name: str
    videos: list[Path]
    workers: int
    changes: tuple[str, ...] = ()
    """Of the recipe."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one size, short videos, one round")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rounds", type=int, default=5, help="how many the medians are of")
    parser.add_argument("--video", type=Path, help="material of yours instead of rendered material")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.rounds = 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = make_cases(folder, arguments.quick, arguments.video)
        start_s = time_to_start(folder)
        rows = [measure(case, recipe, arguments.rounds, folder) for case in cases for recipe in ("fast", "default")]
    told = {**summarise(rows), "start_s": round(start_s, 1), "rows": rows}
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
    }


def make_cases(folder: Path, quick: bool, given: Path | None) -> list[Case]:
    """One video and many of each size, and a long one of the smallest."""
    source = given
    if source is None:
        source = folder / "rendered.mp4"
        (folder / "truth").mkdir()
        options = ClipOptions(PlaceTask("red", "left"), False, True, 30, max_duration_s=1.5)
        capture_clip(90_017, options, source, folder / "truth")
    cases = []
    for size in ["480p"] if quick else SIZES:
        many = copies(source, SIZES[size], SHORT_S, 2 * CORES, folder / size)
        cases += [] if quick else [Case(f"1 of {size}", many[:1], 1)]
        cases += [Case(f"{len(many)} of {size}", many, CORES)]
    if not quick:
        long = copies(source, SIZES["480p"], LONG_S, CORES, folder / "long")
        cases += [Case(f"1 of 480p in {CORES} parts", long[:1], CORES, (f"decode.part_s={LONG_S / CORES + 3}",))]
    return cases


def copies(source: Path, size: tuple[int, int], seconds: float, count: int, folder: Path) -> list[Path]:
    """So many videos of that length, to and fro, alike but for a byte: content tells videos apart."""
    folder.mkdir()
    first = folder / "0.mp4"
    encode_mp4(to_and_fro(source, size, round(seconds * 30)), 30, first)
    for number in range(1, count):
        shutil.copy(first, folder / f"{number}.mp4")
        # A box after the last one of an MP4 changes no frame.
        with (folder / f"{number}.mp4").open("ab") as file:
            file.write(b"\x00\x00\x00\x09free" + bytes([number]))
    return sorted(folder.glob("*.mp4"))


def measure(case: Case, recipe_name: str, rounds: int, folder: Path) -> dict[str, Any]:
    """One row: medians over rounds of naive, floor and ours, one after the other in each."""
    recipe = load_recipe(recipe_name, case.changes)
    in_each = num_looked_at(case.videos[0], recipe.decode.rate_hz)
    # Frames a second are the same for fewer videos, as long as there is one for each process.
    for_floor = sorted(case.videos[0].parent.glob("*.mp4"))[: case.workers]
    costs: dict[str, list[Cost]] = {"naive": [], "floor": [], "ours": []}
    peak_mib = 0.0
    with open_runner(case.workers) as runner:
        for number in range(rounds):
            out = folder / f"out-{number}"
            extract_on(runner, tiny_videos(folder), out / "tiny", recipe, "tiny")  # starts the workers, the first time
            costs["naive"].append(naive_cost(case.videos[:1], recipe))
            costs["floor"].append(floor_cost(for_floor, recipe, case.workers))
            with PeakMemory() as peak:
                meter = Meter()
                [summary] = extract_on(runner, case.videos, out / "whole", recipe, "whole")
                costs["ours"].append(meter.read())
            assert not summary.failures, summary.failures
            peak_mib = max(peak_mib, peak.mib)
            shutil.rmtree(out)
    num_frames = {"naive": in_each, "floor": in_each * len(for_floor), "ours": in_each * len(case.videos)}
    per_s = {key: n / statistics.median(cost.seconds for cost in costs[key]) for key, n in num_frames.items()}
    cpu_ms = {key: 1000 * statistics.median(cost.cpu_s for cost in costs[key]) / n for key, n in num_frames.items()}
    return {
        "videos": case.name,
        "recipe": recipe_name,
        "workers": case.workers,
        "frames": num_frames["ours"],
        **{f"{key}_frames_per_s": round(value, 1) for key, value in per_s.items()},
        "floor_share": round(per_s["ours"] / per_s["floor"], 3),
        "vs_naive": round(per_s["ours"] / per_s["naive"], 3),
        **{f"{key}_cpu_ms": round(value, 1) for key, value in cpu_ms.items()},
        "floor_share_cpu": round(cpu_ms["floor"] / cpu_ms["ours"], 3),
        "peak_worker_mib": round(peak_mib),
    }


def time_to_start(folder: Path) -> float:
    """Seconds that a job of several workers takes for two frames."""
    meter = Meter()
    with open_runner(CORES) as runner:
        extract_on(runner, tiny_videos(folder), folder / "out-start", load_recipe("default"), "tiny")
    return meter.read().seconds


def tiny_videos(folder: Path) -> list[Path]:
    """A video for each core that is over before it has begun."""
    tiny = folder / "tiny"
    tiny.mkdir(exist_ok=True)
    videos = [tiny / f"{number}.mp4" for number in range(CORES)]
    for level, video in enumerate(videos):
        if not video.exists():
            encode_mp4([np.full((48, 64, 3), 40 * level, np.uint8)] * 2, 30, video)
    return videos


def num_looked_at(video: Path, rate_hz: float) -> int:
    return sum(1 for _ in decode(video, probe(video), max_side=64, rate_hz=rate_hz))


if __name__ == "__main__":
    main()
