"""How long one waits before anything is seen, and for a job that has nothing left to do.

    python benchmarks/startup.py [--quick] [--json] [--inputs N]

Seconds by the clock, medians of five runs of the command (`--quick`: two):

- `help`: `humandata --help`.
- `first progress`: `humandata extract` on a clip, with one worker, until its first line of progress.
- `one finished`, `1000 finished`: the same command again where the clip is done, and where a thousand inputs are
  (`--inputs`).

The clip is extracted once; the other inputs are copies of it, and their records and step files copies of its own under
names of theirs, so that there is as much to read and to compile as if each had been extracted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from humandata.dataset.records import read_records, record_path, write_record
from humandata.report.console import print_table
from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask

HUMANDATA = [sys.executable, "-m", "humandata"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two runs each")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inputs", type=int, default=1000, help="finished inputs of the job that is run again")
    arguments = parser.parse_args()
    rounds = 2 if arguments.quick else 5
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        options = ClipOptions(PlaceTask("red", "left"), False, frame_rate=15, width=320, height=240, max_duration_s=1.0)
        render_human_videos(folder, 1, seed=5, workers=1, options=options)
        [clip] = (folder / "videos").rglob("*.mp4")
        extract = [*HUMANDATA, "extract", str(folder / "videos"), "--out", str(folder / "shards"), "--workers", "1"]
        extract += ["--set", "filters={}"]
        seconds = {
            "help": median(rounds, lambda: run([*HUMANDATA, "--help"])),
            "first progress": median(rounds, lambda: until_first_line(extract, folder / "shards")),
            "one finished": median(rounds, lambda: run(extract)),
        }
        multiply(clip, folder / "shards" / "videos", arguments.inputs)
        told = subprocess.run(extract, check=True, capture_output=True, text=True)  # compiles the tables of all of them
        assert "extract" not in told.stderr, "the copies do not count as finished"
        seconds[f"{arguments.inputs} finished"] = median(rounds, lambda: run(extract))
    if arguments.json:
        sys.stdout.write(json.dumps(seconds) + "\n")
        return
    print_table("seconds", ["command", "median"], [[what, f"{took:.2f}"] for what, took in seconds.items()])


def median(rounds: int, timed: Callable[[], float]) -> float:
    return round(statistics.median(timed() for _ in range(rounds)), 3)


def run(command: list[str]) -> float:
    """Seconds that a command takes."""
    started = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def until_first_line(command: list[str], out: Path) -> float:
    """Seconds until a command, whose output is not there yet, says something on stderr; it then runs to its end."""
    shutil.rmtree(out, ignore_errors=True)
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        process.stderr.readline()
        seconds = time.monotonic() - started
        process.stderr.read()
    assert process.returncode == 0
    return seconds


def multiply(clip: Path, source: Path, num_inputs: int) -> None:
    """Make of a source's one finished input so many, each with an episode of its own."""
    [record] = read_records(source)
    [episode], [(step_file, sha256)] = record.episodes, record.files.items()
    for number in range(1, num_inputs):
        copy = clip.with_name(f"copy{number:06d}.mp4")
        os.link(clip, copy)
        os.link(clip.with_suffix(".json"), copy.with_suffix(".json"))
        identifier = f"{number:016x}"
        os.link(source / step_file, source / f"data/{identifier}.parquet")
        name = copy.relative_to(clip.parents[1]).as_posix()
        row = {**episode, "id": identifier, "input": name}
        changes = {"input": name, "episodes": (row,), "files": {f"data/{identifier}.parquet": sha256}}
        write_record(record_path(source, name), record.model_copy(update=changes))


if __name__ == "__main__":
    main()
