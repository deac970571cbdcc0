"""A job that is killed or interrupted at any moment goes on where it was, and nobody can tell afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from folders import content
from patience import wait_until

from humandata.dataset.lock import source_lock

COMMAND = ["extract", "--workers", "1", "--set", "decode.rate_hz=5", "--set", "filters={}"]


def start(videos: Path, out: Path) -> subprocess.Popen[str]:
    """As a shell does in the background, it starts deaf to Ctrl-C: the interpreter's first steps are out of reach."""
    program = [sys.executable, "-m", "humandata", *COMMAND, str(videos), "--out", str(out)]
    command = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh", *program]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_job_disturbed_at_random_moments_ends_as_an_undisturbed_one(clips: Path, tmp_path: Path) -> None:
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    started = time.monotonic()
    assert start(clips / "videos", tmp_path / "calm").wait() == 0
    calm_s = time.monotonic() - started
    for disturbance in (signal.SIGINT, signal.SIGKILL, signal.SIGTERM):
        job = start(clips / "videos", tmp_path / "disturbed")
        time.sleep(rng.uniform(0.05, 0.9) * calm_s)
        job.send_signal(disturbance)
        told, _ = job.communicate()
        if disturbance == signal.SIGKILL:
            assert job.returncode in {0, -signal.SIGKILL}, f"seed {seed}"
        else:
            # SIGTERM ends the interpreter's first steps without a word.
            assert job.returncode in {0, 130} or not told, f"seed {seed}: {told}"
            assert "Traceback" not in told, f"seed {seed}: {told}"
    job = start(clips / "videos", tmp_path / "disturbed")
    told, _ = job.communicate()
    assert job.returncode == 0, f"seed {seed}: {told}"
    assert content(tmp_path / "disturbed") == content(tmp_path / "calm"), f"seed {seed}"


def test_the_second_of_two_jobs_is_told_who_holds_the_source(clips: Path, tmp_path: Path) -> None:
    first = start(clips / "videos", tmp_path / "shards")
    lock = tmp_path / "shards" / "videos" / ".lock"
    wait_until(lambda: lock.exists() and lock.read_text())
    first.send_signal(signal.SIGSTOP)
    second = start(clips / "videos", tmp_path / "shards")
    told, _ = second.communicate()
    assert second.returncode == 2, told
    assert f"process {first.pid} on {os.uname().nodename}" in told
    assert "is writing this source. Wait for it, or use --name." in " ".join(told.split())
    first.kill()
    first.communicate()
    with source_lock(tmp_path / "shards" / "videos"):
        pass  # what a killed process left holds nobody up
