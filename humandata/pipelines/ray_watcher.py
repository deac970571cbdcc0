"""Ends what a Ray started on this machine leaves behind when the process that started it is killed, or Ray's server is.

On Linux the kernel ends most of it together with that process. Ray's agents live on for a minute, because they report
the end to a server that is gone. A small process of its own waits for that moment, ends them, and goes.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LOOK_EVERY_S = 0.2
_NUM_LOOKS = 10


def start_watcher() -> subprocess.Popen[bytes] | None:
    """Watch this process, which is about to start Ray; `end_watcher` is for when Ray was shut down. None outside Linux.

    The watcher has a session of its own, so that Ctrl-C in a terminal does not reach it.
    """
    if sys.platform != "linux":
        return None
    command = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


def end_watcher(watcher: subprocess.Popen[bytes]) -> None:
    """End the watcher, and what Ray's shutdown left: its agents, where its server had been killed."""
    watcher.kill()
    watcher.wait()
    _end_left_behind(os.getpid())


def _watch(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(_LOOK_EVERY_S)
    for _ in range(_NUM_LOOKS):
        _end_left_behind(starter)
        time.sleep(_LOOK_EVERY_S)


def _end_left_behind(starter: int) -> None:
    for pid in _left_behind(starter):
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def _left_behind(starter: int) -> Iterator[int]:
    """Python processes of the Ray session that `starter` began, and whose folder is `session_<time>_<starter>`.

    Their command lines name that folder. Once they have a title of Ray's instead, which is that of any session, they
    hold files of it open; so do forks of the starter itself, which are none of ours.
    """
    of_session = re.compile(rf"/session_[-_0-9]+_{starter}/")
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any((folder / of).readlink() != Path("/proc/self", of).readlink() for of in ("exe", "ns/pid")):
                continue
            told = (folder / "cmdline").read_text(errors="replace")
            if told.startswith("ray::"):
                told = "\n".join(str(file.readlink()) for file in (folder / "fd").iterdir())
            if of_session.search(told):
                yield int(folder.name)


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
