"""How a program that opens untrusted media is started: around it the fences of `launcher`."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from humandata.video.safety import MAX_PIXELS

_MEMORY_BYTES = 2 << 30
_MEMORY_BYTES_PER_PIXEL = 128
"""Seventeen reference pictures of 10 bits and 4:4:4 are 102 bytes a pixel."""

_LEAST_TIME_S = 300
_SECONDS_PER_MEGAPIXEL = 0.5
"""Twenty times what JPEG 2000, a slow one, took: 0.023 s."""

_LEAST_BYTES_PER_FRAME = 32
"""A picture that repeats the one before takes about as much."""

_HIGHEST_RATE_HZ = 240.0

LIBRARY_FOLDERS = tuple(map(Path, ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/nix/store", "/gnu/store")))
"""Where systems keep what programs load; what is not there does not matter."""

_TRIAL_TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Fence:
    """Limits of a program."""

    memory_bytes: int
    """Of its address space."""
    cpu_s: int
    """Of processor time, all of its threads together."""
    readable: tuple[Path, ...] = ()
    """Files and folders that it may read besides itself, where the kernel can hold it to that; empty: all."""

    def around(self, program: list[str]) -> list[str]:
        """The command that starts a program (a path, and arguments) within the fence."""
        readable = [str(path) for path in self.readable]
        launcher = str(Path(__file__).with_name("launcher.py"))
        limits = [str(self.memory_bytes), str(self.cpu_s), str(len(readable))]
        return [sys.executable, "-I", "-S", launcher, *limits, *readable, *program]


def memory_bytes(num_pixels: int) -> int:
    """What a decoder of pictures of so many pixels may take; of pictures that are too large no more than of others."""
    return _MEMORY_BYTES + _MEMORY_BYTES_PER_PIXEL * min(num_pixels, MAX_PIXELS)


def allow_memory(num_pixels: int) -> None:
    """From within the fence: keep to what pictures of so many pixels need, or to the limit where that is lower."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes(num_pixels)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def decoding_time_s(num_pixels: int, rate_hz: float | None, duration_ns: int | None, path: Path) -> int:
    """Processor time that a decoder may take over a whole video, as it describes itself.

    A file that lies about its length is held to its size. Only a decoder that is caught in the file takes so long.
    """
    try:
        most_frames = path.stat().st_size / _LEAST_BYTES_PER_FRAME
    except OSError:
        most_frames = 0.0
    if duration_ns is not None:
        most_frames = min(most_frames, (rate_hz or _HIGHEST_RATE_HZ) * duration_ns / 1e9)
    return round(_LEAST_TIME_S + _SECONDS_PER_MEGAPIXEL * most_frames * min(num_pixels, MAX_PIXELS) / 1e6)


@cache
def library_paths(program: str) -> tuple[Path, ...] | None:
    """Where a program loads its shared libraries from; None where it does not start with these alone."""
    named = os.environ.get("LD_LIBRARY_PATH", "").split(os.pathsep)
    beside = Path(program).resolve().parent.parent / "lib"
    paths = (*LIBRARY_FOLDERS, beside, *(Path(name) for name in named if name))
    command = Fence(memory_bytes(0), 60, paths).around([program, "-version"])
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRIAL_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return None
    return paths if done.returncode == 0 else None


_TRIES = """
import json, os, socket, sys
def refused(act):
    try:
        act()
    except PermissionError:
        return True
    except OSError:
        return False
    return False
print(json.dumps({
    "network": refused(lambda: socket.socket()),
    "other processes": refused(os.fork),
    "other programs": refused(lambda: os.execv(sys.executable, [sys.executable, "-c", "print('{}')"])),
    "writing": refused(lambda: open(sys.argv[1], "r+b")),
    "reading other files": refused(lambda: open(sys.argv[1], "rb")),
}))
"""


def refused_here(scratch: Path) -> dict[str, bool]:
    """What a fence refuses on this machine, tried: each kind of act, and whether it is refused.

    `scratch` is an existing file that belongs to nobody's program. Nothing is refused where the trial cannot run.
    """
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    readable = (*LIBRARY_FOLDERS, *prefixes)
    command = Fence(memory_bytes(0), 60, readable).around([sys.executable, "-I", "-S", "-c", _TRIES, str(scratch)])
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TRIAL_TIMEOUT_S, check=False)
        found = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):
        return {}
    return {str(kind): bool(value) for kind, value in found.items()}
