"""What a person sees of a job: in a terminal of any size, and in a log."""

from __future__ import annotations

from io import StringIO
from itertools import count
from pathlib import Path

import pytest
from patience import wait_until
from rich.console import Console

from humandata.dataset.attempts import AttemptNote
from humandata.dataset.write import InputIdentity, Rejection, write_input
from humandata.pipelines.job_progress import JobProgress, JobScreen
from humandata.pipelines.work_clock import WorkClock

NAMES = ["folder of videos/the first one.mp4", "b\n\x1b[31m.mp4", *(f"{index}.mp4" for index in range(30))]


@pytest.fixture
def progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobProgress:
    """A job with an input finished, one failed and thirty workers at work; its clock hardly moves."""
    ticks = count(0.0, 0.0001)
    monkeypatch.setattr(
        "humandata.pipelines.job_progress.WorkClock", lambda weights: WorkClock(weights, ticks.__next__)
    )
    shown = JobProgress("extract videos", dict.fromkeys(NAMES, 1.0), num_finished_before=8, note=AttemptNote(tmp_path))
    for index, name in enumerate(NAMES):
        shown.begin(f"worker {index + 1}", name, "10.0 s to 20.0 s" if name == "29.mp4" else "")
    rejected = [Rejection("x", None, NAMES[2], 0, 1, "speed", "too fast", 2.0, 1.0)]
    record = write_input(tmp_path, InputIdentity(NAMES[2], "0" * 64, 1, 1), "r" * 64, [], rejected, {"frames": 90.0})
    shown.finish(NAMES[2], record)
    shown.finish(NAMES[3], None)
    return shown


def screen(progress: JobProgress, width: int, height: int) -> str:
    console = Console(file=StringIO(), width=width, height=height)
    console.print(JobScreen(progress))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_a_terminal_shows_the_whole_each_worker_and_what_came_of_it(progress: JobProgress) -> None:
    shown = screen(progress, 100, 40)
    assert "2 of 32 inputs (8 more before)" in shown
    assert "0 kept, 1 rejected, 1 quarantined" in shown
    assert "frames/s" in shown
    assert "0:00:00  folder of videos/the first one.mp4" in shown
    assert "29.mp4 (10.0 s to 20.0 s)" in shown
    assert "\x1b" not in shown, "a file's name does nothing to the terminal"
    assert "b??[31m.mp4" in shown


@pytest.mark.parametrize(("width", "height"), [(100, 24), (40, 10), (20, 6), (8, 3)])
def test_it_fits_a_terminal_of_any_size(progress: JobProgress, width: int, height: int) -> None:
    lines = screen(progress, width, height).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("worker" in line for line in lines[3:]) < 30
    if width >= 40:
        assert len(lines) <= height
        assert "more workers" in lines[-1]
        assert any(line.endswith("first one.mp4") for line in lines)


def test_what_is_done_never_goes_back_though_an_input_takes_longer_than_its_bytes_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr("humandata.pipelines.job_progress.WorkClock", lambda sizes: WorkClock(sizes, lambda: now[0]))
    shown = JobProgress("extract videos", {"short": 40.0, "long": 20.0}, 0, AttemptNote(tmp_path))
    shown.begin("worker", "short")
    now[0] = 8.0
    shown.finish("short", write_input(tmp_path, InputIdentity("short", "0" * 64, 1, 1), "r" * 64, [], [], {}))
    shown.begin("worker", "long")
    told = []
    for now[0] in (9.0, 12.0, 20.0, 60.0, 200.0):  # by its bytes it would be done at 12
        told.append(shown.fraction)
    assert told == sorted(told)
    assert 0.8 < told[-1] < 1.0


def test_a_log_gets_a_line_at_once_and_at_the_end(progress: JobProgress, capsys: pytest.CaptureFixture[str]) -> None:
    with progress:
        pass
    said = capsys.readouterr()
    assert said.out == ""
    first, last = said.err.splitlines()
    assert first.startswith("extract videos, 0:00:00: 2 of 32 inputs (8 more before) (")
    assert "0 kept, 1 rejected, 1 quarantined" in last
    assert "longest at work: folder of videos/the first one.mp4 for 0:00:00" in last


def test_a_log_gets_a_line_now_and_then(
    progress: JobProgress, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("humandata.progress.SECONDS_BETWEEN_LINES", 0.05)
    lines: list[str] = []

    def some_more_are_said() -> bool:
        lines.extend(capsys.readouterr().err.splitlines())
        return len(lines) >= 3

    with progress:
        wait_until(some_more_are_said)


def test_before_anyone_begins_it_says_that_workers_start(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with JobProgress("extract videos", {"a": 1.0}, 0, AttemptNote(tmp_path)) as fresh:
        assert "workers start" in screen(fresh, 80, 24)
    assert "workers start" in capsys.readouterr().err


def test_a_log_that_can_take_no_more_does_not_end_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patched:
        patched.setattr("sys.stderr", full)
        with JobProgress("extract videos", {"a": 1.0}, 0, AttemptNote(tmp_path)):
            pass
