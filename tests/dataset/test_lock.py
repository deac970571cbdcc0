"""One job at a time writes a source, and one that was killed holds nobody up."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from humandata.dataset.lock import source_lock
from humandata.errors import OutputError, UsageError


def test_two_jobs_exclude_each_other(tmp_path: Path) -> None:
    with (
        source_lock(tmp_path / "robot"),
        pytest.raises(UsageError, match=rf"process {os.getpid()} on .* is writing this source"),
        source_lock(tmp_path / "robot"),
    ):
        pass


def test_a_disk_that_is_full_from_the_start_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("humandata.dataset.lock.os.write", refuse)
        with pytest.raises(OutputError, match="No space left on device"), source_lock(tmp_path / "robot"):
            pass
    with source_lock(tmp_path / "robot"):
        pass


def test_a_killed_job_lets_go_of_its_source(tmp_path: Path) -> None:
    hold = "import sys, time; from pathlib import Path; from humandata.dataset.lock import source_lock\n"
    hold += "with source_lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", hold, str(tmp_path / "robot")], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(UsageError, match=f"process {holder.pid} on"), source_lock(tmp_path / "robot"):
            pass
        holder.kill()
        holder.wait()
        with source_lock(tmp_path / "robot"):
            pass
