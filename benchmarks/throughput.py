"""How fast `extract` is, beside the script one would write first and beside the floor.

    python benchmarks/throughput.py [--quick] [--json] [--rounds N] [--video FILE]

naive: OpenCV and MediaPipe in one process, forward only, the same frames at the same size.
floor: decoding alone plus the model alone, for every call of it that the recipe makes, by as many processes.

At each size there is one video and there are several, on one worker and on all cores; one video on all cores is a
longer one, cut into a part for each, and its floor counts twice what its parts look at twice. Frames are those of all
videos together, a second. All three are timed with workers started and the model loaded, which takes a job `start_s`
before its first frame. Memory is that of the largest process of a job of several workers; benchmarks/memory.py tells
more of it. Material is a rendered clip played to and fro, or a video of yours. What else runs on the machine counts
against all three, so they are measured by turns and medians are told, and the milliseconds of CPU that a frame costs
beside them, which other work hardly touches. Five rounds took 18 minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from humandata.bench.material import to_and_fro
from humandata.bench.speed import Cost, Meter, PeakMemory, floor_cost, naive_cost
from humandata.pipelines.extract import extract_on
from humandata.pipelines.recipe import load_recipe
from humandata.pipelines.runner import Runner, open_runner
from humandata.report.console import print_line, print_table
from humandata.studio.capture import capture_clip, encode_mp4
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask
from humandata.video.decode import decode
from humandata.video.probe import probe

CORES = len(os.sched_getaffinity(0))
RECIPES = ("fast", "default")


@dataclass(frozen=True)
class Size:
    """Of pictures, and how long videos of it are: what takes longer to decode is shorter."""

    name: str
    width: int
    height: int
    short_s: float
    long_s: float


SIZES = [Size("480p", 640, 480, 6, 40), Size("1080p", 1440, 1080, 3, 24), Size("4K", 2880, 2160, 2, 16)]


@dataclass(frozen=True)
class Case:
    """Videos that are extracted in one go."""

    name: str
    videos: list[Path]
    workers: int
    changes: tuple[str, ...] = ()
    """Of the recipe."""
    twice_s: float = 0.0
    """Seconds of video that two parts look at."""


@dataclass(frozen=True)
class Material:
    """Videos of one size, and what is done with them."""

    size: Size
    short: list[Path]
    """Alike but for a byte, twice as many as there are cores."""
    cases: list[Case]


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
        source = arguments.video or rendered(folder)
        start_s = time_to_start(folder)
        rows = []
        for size in SIZES[:1] if arguments.quick else SIZES:
            material = make_material(source, size, folder / size.name, arguments.quick)
            for recipe in RECIPES:
                rows += measure(material, recipe, arguments.rounds, folder)
    told = {**summarise(rows), "start_s": round(start_s, 1), "rows": rows}
    if arguments.json:
        sys.stdout.write(json.dumps(told, indent=2) + "\n")
        return
    print_table("frames a second", [name.replace("_", " ") for name in rows[0]], [list(row.values()) for row in rows])
    print_line(json.dumps({key: value for key, value in told.items() if key != "rows"}))


def summarise(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures that are compared from version to version: the worst row of each kind, with all cores at work.

    One video in parts counts by itself: what was seen in its parts is joined, lifted and written by one worker.
    """
    busy = [row for row in rows if row["workers"] == CORES]
    many = [row for row in busy if "parts" not in row["videos"]]
    alone = [row["floor_share"] for row in busy if "parts" in row["videos"]]

    def worst(key: str, recipe: str) -> float:
        return float(min(row[key] for row in many if row["recipe"] == recipe))

    return {
        "floor_share": min(worst("floor_share", "fast"), worst("floor_share", "default")),
        **({"floor_share_in_parts": min(alone)} if alone else {}),
        "vs_naive_fast": worst("vs_naive", "fast"),
        "vs_naive_default": worst("vs_naive", "default"),
        "peak_worker_mib": max(row["peak_worker_mib"] for row in busy),
        "load_average": round(os.getloadavg()[0], 1),
    }


def rendered(folder: Path) -> Path:
    """A clip of two hands at work, of a second and a half."""
    (folder / "truth").mkdir()
    options = ClipOptions(PlaceTask("red", "left"), False, True, 30, max_duration_s=1.5)
    capture_clip(90_017, options, folder / "rendered.mp4", folder / "truth")
    return folder / "rendered.mp4"


def make_material(source: Path, size: Size, folder: Path, quick: bool) -> Material:
    """One video and many, on one worker and on all; quickly, only many on all."""
    folder.mkdir()
    short = copies(source, size, size.short_s, 2 * CORES, folder / "short")
    many = f"{len(short)} of {size.short_s:g} s"
    cases = [Case(many, short, CORES)]
    if not quick:
        long = copies(source, size, size.long_s, 1, folder / "long")
        parts = (f"decode.part_s={size.long_s / CORES + 1}",)
        twice_s = 2 * load_recipe("default").decode.overlap_s * (CORES - 1)
        cases = [
            Case(f"1 of {size.short_s:g} s", short[:1], 1),
            Case(many, short, 1),
            Case(f"1 of {size.long_s:g} s in {CORES} parts", long, CORES, parts, twice_s),
            *cases,
        ]
    return Material(size, short, cases)


def copies(source: Path, size: Size, seconds: float, count: int, folder: Path) -> list[Path]:
    """So many videos of that length, to and fro, alike but for a byte: content tells videos apart."""
    folder.mkdir()
    first = folder / "0.mp4"
    encode_mp4(to_and_fro(source, (size.width, size.height), round(seconds * 30)), 30, first)
    for number in range(1, count):
        shutil.copy(first, folder / f"{number}.mp4")
        # A box after the last one of an MP4 changes no frame.
        with (folder / f"{number}.mp4").open("ab") as file:
            file.write(b"\x00\x00\x00\x09free" + bytes([number]))
    return sorted(folder.glob("*.mp4"))


def measure(material: Material, recipe_name: str, rounds: int, folder: Path) -> list[dict[str, Any]]:
    """The rows of one size and recipe: medians over rounds of naive, floors and all cases, by turns in each."""
    recipe = load_recipe(recipe_name)
    in_short = num_looked_at(material.short[0], recipe.decode.rate_hz)
    naive: list[Cost] = []
    floor: dict[int, list[Cost]] = {case.workers: [] for case in material.cases}
    ours: list[list[Cost]] = [[] for _ in material.cases]
    peak_mib = [0.0] * len(material.cases)
    with ExitStack() as stack:
        runners = {workers: stack.enter_context(open_runner(workers)) for workers in floor}
        for number in range(rounds):
            naive.append(naive_cost(material.short[:1], recipe))
            for workers, costs in floor.items():
                costs.append(floor_cost(material.short[:workers], recipe, workers))
            for index, case in enumerate(material.cases):
                cost, peak = extraction_cost(runners[case.workers], case, recipe_name, folder / f"out-{number}-{index}")
                ours[index].append(cost)
                peak_mib[index] = max(peak_mib[index], peak)
    rows: list[dict[str, Any]] = []
    for case, costs, mib in zip(material.cases, ours, peak_mib, strict=True):
        frames = sum(num_looked_at(video, recipe.decode.rate_hz) for video in case.videos)
        compared = compare(
            per_frame(naive, in_short),
            per_frame(floor[case.workers], in_short * case.workers),
            per_frame(costs, frames),
            1.0 + case.twice_s * recipe.decode.rate_hz / frames,
        )
        named = {"size": material.size.name, "videos": case.name, "recipe": recipe_name, "workers": case.workers}
        memory = round(mib) if case.workers > 1 else None
        rows.append({**named, **compared, "frames": frames, "peak_worker_mib": memory})
    return rows


def extraction_cost(runner: Runner, case: Case, recipe_name: str, out: Path) -> tuple[Cost, float]:
    """Of all videos of a case by workers that are at work already, and the MiB of the largest process meanwhile."""
    recipe = load_recipe(recipe_name, case.changes)
    extract_on(runner, tiny_videos(out.parent), out / "tiny", recipe, "tiny")  # starts the workers, the first time
    with PeakMemory(poll_s=1.0) as peak:  # at twenty looks a second, it takes a fifteenth of a core
        meter = Meter()
        [summary] = extract_on(runner, case.videos, out / "whole", recipe, "whole")
        cost = meter.read()
    assert not summary.failures, summary.failures
    shutil.rmtree(out)
    return cost, peak.mib


def per_frame(costs: list[Cost], num_frames: int) -> Cost:
    """The median cost of a frame."""
    return Cost(
        statistics.median(cost.seconds for cost in costs) / num_frames,
        statistics.median(cost.cpu_s for cost in costs) / num_frames,
    )


def compare(naive: Cost, floor: Cost, ours: Cost, looks: float) -> dict[str, float]:
    """Costs of a frame side by side; ours looks at a frame `looks` times on average, which is no fault of its."""
    costs = {"ours": ours, "naive": naive, "floor": Cost(floor.seconds * looks, floor.cpu_s * looks)}
    return {
        **{f"{name}_frames_per_s": round(1 / cost.seconds, 1) for name, cost in costs.items()},
        "floor_share": round(costs["floor"].seconds / ours.seconds, 3),
        "vs_naive": round(naive.seconds / ours.seconds, 3),
        **{f"{name}_cpu_ms": round(1000 * cost.cpu_s, 1) for name, cost in costs.items()},
        "floor_share_cpu": round(costs["floor"].cpu_s / ours.cpu_s, 3),
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
