"""Is extraction unkillable? Jobs are disturbed at random moments, run again, and compared with an undisturbed one.

    python benchmarks/kills.py [--quick] [--json] [--seed N]

kinds: a worker killed, the driver killed, Ctrl-C, the output made read-only in mid-run (for root by `chattr +i`), a
full disk (a small tmpfs; only as root). A disturbance counts as survived when the job's rerun ends well and every file
of the source is byte for byte that of the undisturbed run, with none missing and none besides.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from humandata.report.console import print_table
from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask

NUM_VIDEOS = 6
Disturb = Callable[[subprocess.Popen[bytes], Path, random.Random], None]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="once each")
    parser.add_argument("--times", type=int, default=10, help="disturbances of each kind")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=KINDS, help="of disturbance; default: all of them")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        options = ClipOptions(PlaceTask("red", "left"), False, frame_rate=15, width=320, height=240, max_duration_s=1.5)
        render_human_videos(root, NUM_VIDEOS, seed=5, workers=2, options=options)
        started = time.monotonic()
        assert start(root, root / "calm").wait() == 0
        calm_s = time.monotonic() - started
        expected = content(root / "calm")
        rows = []
        for kind in arguments.kind or KINDS:
            if kind == "disk full" and os.geteuid() != 0:
                continue
            survived = 0
            tries = 1 if arguments.quick else arguments.times
            for number in range(tries):
                out = root / f"{kind}-{number}"
                with small_disk(out) if kind == "disk full" else nullcontext():
                    survived += survives(root, out, KINDS[kind], rng, calm_s, expected)
                shutil.rmtree(out, ignore_errors=True)
            rows.append({"kind": kind, "disturbed": tries, "survived": survived})
    if arguments.json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        print_table("disturbed, and run again", ["kind", "disturbed", "survived"], [list(row.values()) for row in rows])
    raise SystemExit(any(row["disturbed"] != row["survived"] for row in rows))


def start(root: Path, out: Path) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-c",
        "from humandata.cli import app; app()",
        "extract",
        str(root / "videos"),
        "--out",
        str(out),
    ]
    log = (root / "log").open("ab")
    return subprocess.Popen([*command, "--workers", "2", "--set", "filters={}"], stdout=log, stderr=log)


def survives(
    root: Path, out: Path, disturb: Disturb, rng: random.Random, calm_s: float, expected: dict[str, bytes]
) -> bool:
    """Disturb a job at a random moment, then let it run again, in peace."""
    job = start(root, out)
    time.sleep(rng.uniform(0.1, 0.95) * calm_s)
    disturb(job, out, rng)
    job.wait()
    again = start(root, out)
    return again.wait() == 0 and content(out) == expected


def content(out: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def workers_of(job: subprocess.Popen[bytes]) -> list[int]:
    """The Ray actors at work below the job; Ray names their processes so."""
    waiting, workers = [job.pid], []
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"ray::_Actor"):
                workers.append(pid)
    return workers


def kill_worker(job: subprocess.Popen[bytes], out: Path, rng: random.Random) -> None:
    del out
    if workers := workers_of(job):
        with suppress(ProcessLookupError):
            os.kill(rng.choice(workers), signal.SIGKILL)


def kill_driver(job: subprocess.Popen[bytes], out: Path, rng: random.Random) -> None:
    del out, rng
    job.kill()


def interrupt(job: subprocess.Popen[bytes], out: Path, rng: random.Random) -> None:
    del out, rng
    job.send_signal(signal.SIGINT)


def make_read_only(job: subprocess.Popen[bytes], out: Path, rng: random.Random) -> None:
    """Take the right to write away, wait for the job to notice, and give it back."""
    del rng
    folders = [path for path in (out, *out.rglob("*")) if path.is_dir()]
    allow_writing(folders, False)
    job.wait()
    allow_writing(folders, True)


def allow_writing(folders: list[Path], allowed: bool) -> None:
    """Root may write into any folder but an immutable one."""
    if os.geteuid() == 0 and folders:
        subprocess.run(["chattr", "-i" if allowed else "+i", *folders], check=True)  # noqa: S607
    for path in folders if os.geteuid() else ():
        path.chmod(0o755 if allowed else 0o555)


def fill_disk(job: subprocess.Popen[bytes], out: Path, rng: random.Random) -> None:
    """Leave no room on the small disk, wait for the job to notice, and make room."""
    del rng
    filler = out / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    job.wait()
    filler.unlink()


KINDS: dict[str, Disturb] = {
    "worker killed": kill_worker,
    "driver killed": kill_driver,
    "Ctrl-C": interrupt,
    "read-only": make_read_only,
    "disk full": fill_disk,
}


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


if __name__ == "__main__":
    main()
