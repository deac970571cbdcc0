"""Ends what a Ray started on this machine leaves behind when the process that started it is killed.

On Linux the kernel ends most of it together with that process. Ray's agents live on for a minute, because they report
the end to a server that is gone. A small process of its own waits for that moment, ends them, and goes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LOOK_EVERY_S = 0.2
_LOOK_FOR_S = 2.0


def start_watcher() -> subprocess.Popen[bytes] | None:
    """Watch this process, which is about to start Ray; to be killed once Ray was shut down. None outside Linux.

    The watcher has a session of its own, so that Ctrl-C in a terminal does not reach it.
    """
    if sys.platform != "linux":
        return None
    command = [sys.executable, "-I", "-S", __file__, str(os.getpid())]
    nothing = subprocess.DEVNULL
    return subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True)


def _watch(starter: int) -> None:
    while os.getppid() == starter:
        time.sleep(_LOOK_EVERY_S)
    until = time.monotonic() + _LOOK_FOR_S
    while time.monotonic() < until:
        for pid in _left_behind(starter):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK_EVERY_S)


def _left_behind(starter: int) -> Iterator[int]:
    """Python processes of the Ray session that `starter` began: they have files of its folder open.

    Ray names that folder `session_<time>_<process id of the starter>`. The names of its processes are those of any
    session, and a process id is one process only among those that count alike.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if any((folder / of).readlink() != Path("/proc/self", of).readlink() for of in ("exe", "ns/pid")):
                continue
            opened = {name for file in (folder / "fd").iterdir() for name in file.readlink().parts}
            if any(name.startswith("session_") and name.endswith(f"_{starter}") for name in opened):
                yield int(folder.name)


if __name__ == "__main__":
    _watch(int(sys.argv[1]))
