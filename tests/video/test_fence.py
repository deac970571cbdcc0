"""What the fences refuse, tried from within: each by itself, with the other defences taken away."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from humandata.video.fence import Fence, decoding_time_s, library_paths, memory_bytes, refused_here
from humandata.video.ffmpeg_program import ffmpeg_executable

MakeVideo = Callable[..., Path]

MIB = 1 << 20


def run_python(fence: Fence, code: str) -> subprocess.CompletedProcess[str]:
    command = fence.around([sys.executable, "-I", "-S", "-c", code])
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_everything_that_no_decoder_needs_is_refused(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.touch()
    refused = refused_here(scratch)
    if not refused:
        pytest.skip("this kernel has neither seccomp nor Landlock")
    assert [kind for kind, holds in refused.items() if not holds] == []
    assert {"network", "other processes", "other programs", "writing", "reading other files"} == set(refused)


def test_a_trial_that_does_not_end_finds_nothing_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("humandata.video.fence._TRIAL_TIMEOUT_S", 0.001)
    assert refused_here(tmp_path / "scratch") == {}


def test_a_program_cannot_take_more_memory_than_its_pictures_need() -> None:
    assert memory_bytes(1920 * 1080) < 3 << 30
    done = run_python(Fence(memory_bytes(1920 * 1080), 60), "bytearray(8 << 30)")
    assert "MemoryError" in done.stderr


def test_a_program_that_never_ends_runs_out_of_processor_time() -> None:
    done = run_python(Fence(256 * MIB, 1), "while True: pass")
    assert done.returncode == -signal.SIGXCPU


def test_the_threads_of_a_program_go_on_working() -> None:
    code = "import threading as t; a = t.Thread(target=print, args=['in a thread']); a.start(); a.join()"
    assert run_python(Fence(256 * MIB, 60), code).stdout == "in a thread\n"


def test_a_playlist_opens_nothing_even_where_ffmpeg_is_told_to_follow_it(tmp_path: Path, make_video: MakeVideo) -> None:
    if not refused_here(make_video("scratch.mp4", [0])).get("reading other files"):
        pytest.skip("this kernel has no Landlock")
    secret, trick = make_video("secret.mp4"), tmp_path / "trick.mp4"
    trick.write_text("ffconcat version 1.0\nfile secret.mp4\n")
    follow = [ffmpeg_executable(), "-v", "error", "-f", "concat", "-safe", "0", "-i", str(trick), "-f", "null", "-"]
    assert subprocess.run(follow, capture_output=True, check=False).returncode == 0
    libraries = library_paths(ffmpeg_executable())
    assert libraries is not None
    fenced = Fence(memory_bytes(0), 60, (trick, *libraries)).around(follow)
    done = subprocess.run(fenced, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert f"'{secret}'" in done.stderr
    assert "Permission denied" in done.stderr


def test_a_script_in_the_place_of_ffmpeg_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "ffmpeg"
    script.write_text(f"#!/bin/sh\nexec {ffmpeg_executable()} $*\n")
    script.chmod(0o755)
    assert subprocess.run([script, "-version"], capture_output=True, check=False).returncode == 0
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert ffmpeg_executable() != str(script)


def test_the_time_that_decoding_may_take_is_bounded_by_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(bytes(3200))
    pixels, hour_ns = 1920 * 1080, 3600 * 10**9
    assert decoding_time_s(pixels, 30.0, 10**6 * hour_ns, path) == decoding_time_s(pixels, 30.0, None, path) < 600
    with path.open("r+b") as file:
        file.truncate(1 << 32)
    assert 10 * 3600 < decoding_time_s(pixels, 30.0, hour_ns, path) < 100 * 3600


def test_the_fences_cost_little_more_than_a_start_of_python() -> None:
    """Two and a half times as much, of processor time, which other work on the machine does not change; to import
    NumPy would make it fourteen."""
    fenced = Fence(memory_bytes(0), 60).around(["/bin/true"])
    assert processor_time_s(fenced) < 6 * processor_time_s([sys.executable, "-I", "-S", "-c", "pass"])


def processor_time_s(command: list[str]) -> float:
    """Of the thriftiest of some runs."""
    taken_s = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(taken_s)
