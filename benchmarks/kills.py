"""Is extraction unkillable? Jobs are disturbed at random moments, run again, and compared with an undisturbed one.

    python benchmarks/kills.py [--quick] [--json] [--seed N] [--times N] [--kind K ...]

A disturbance counts as survived when the job did as it should (`kills_kinds.py` says what), the rerun ends well, and
every file of the source is byte for byte that of the undisturbed run, with none missing and none besides; `left alive`
counts processes of a killed job that are still there ten seconds later. Read-only is `chattr +i` for root; a full disk
is a small tmpfs, for root only.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

from kills_kinds import KINDS, Job, Trial, small_disk

from humandata.report.console import print_table
from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask

NUM_VIDEOS = 4
STALL_TIMEOUT_S = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="once each")
    parser.add_argument("--times", type=int, default=10, help="disturbances of each kind")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=KINDS, help="of disturbance; default: all of them")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        trial = prepare(Path(folder), random.Random(arguments.seed))
        for kind in arguments.kind or KINDS:
            if kind == "disk full" and os.geteuid() != 0:
                continue
            times = 1 if arguments.quick else arguments.times
            survived = sum(survives(trial, kind, number) for number in range(times))
            rows.append({"kind": kind, "disturbed": times, "survived": survived, "left alive": trial.num_left_alive})
            trial.num_left_alive = 0
            sys.stderr.write(f"{rows[-1]}\n")
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        print_table("disturbed, and run again", list(rows[0]), [list(row.values()) for row in rows])
    raise SystemExit(any(row["disturbed"] != row["survived"] or row["left alive"] for row in rows))


def prepare(root: Path, rng: random.Random) -> Trial:
    """Videos, and undisturbed runs with one worker and with two."""
    options = ClipOptions(PlaceTask("red", "left"), False, frame_rate=15, width=320, height=240, max_duration_s=1.0)
    render_human_videos(root, NUM_VIDEOS, seed=5, workers=2, options=options)
    trial = Trial(root, NUM_VIDEOS, rng, STALL_TIMEOUT_S)
    for workers in (1, 2):
        calm = root / f"calm-{workers}"
        started = time.monotonic()
        assert trial.start(calm, workers).wait() == 0, trial.log.read_text()
        trial.calm_s[workers] = time.monotonic() - started
        trial.expected = trial.content(calm)
    assert trial.content(root / "calm-1") == trial.expected
    return trial


def survives(trial: Trial, kind: str, number: int) -> bool:
    """Disturb a job of the kind's number of workers, then let it run again, in peace."""
    out = trial.root / f"{kind}-{number}"
    trial.log.write_bytes(b"")
    with small_disk(out) if kind == "disk full" else nullcontext():
        workers = KINDS[kind].workers[number % len(KINDS[kind].workers)]
        job = trial.start(out, workers)
        as_it_should = KINDS[kind].disturb(trial, Job(job, out, workers))
        job.wait()
        told = trial.log.read_text(errors="replace")
        again = trial.start(out, workers)
        well = again.wait() == 0 and trial.content(out) == trial.expected
    shutil.rmtree(out, ignore_errors=True)
    if not (as_it_should and well and "Traceback" not in told):
        sys.stderr.write(f"{kind} {number}: as it should {as_it_should}, well {well}, exit {job.returncode}\n{told}\n")
        return False
    return True


if __name__ == "__main__":
    main()
