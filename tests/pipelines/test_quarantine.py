"""What fails is set aside, tried a few times, left alone, and tried again when something has changed."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from folders import content
from typer.testing import CliRunner

from humandata.cli import app
from humandata.dataset.attempts import AttemptNote, forget_death, left_behind
from humandata.dataset.records import MAX_FAILED_RUNS, InputRecord, read_quarantine, read_records
from humandata.dataset.write import InputIdentity, write_input
from humandata.errors import InputError, OutputError
from humandata.pipelines.runner import Runner
from humandata.pipelines.source_item import InputCheck
from humandata.pipelines.source_job import SourceSpec, SourceSummary, in_one_stage, run_source_job
from humandata.pipelines.stage import Needs
from humandata.schemas.source import RecipeRecord


@dataclass(frozen=True)
class Item:
    input: str
    size: int = 1


@dataclass
class Failing:
    """Fails on `broken`, and on every item once the disk is full."""

    source: Path
    full: bool = False
    name: str = "failing"
    needs: Needs = field(default_factory=Needs)
    num_tried: int = 0

    def setup(self) -> None:
        pass

    def close(self) -> None:
        pass

    def process(self, item: Item) -> InputRecord:
        self.num_tried += 1
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        if item.input == "broken":
            raise InputError("broken: holds text, not video")
        if item.input == "bug":
            raise ZeroDivisionError("an oversight")
        if item.input == "abort":
            os.abort()
        if item.input == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if item.input == "interrupt":
            raise KeyboardInterrupt
        return write_input(self.source, InputIdentity(item.input, "0" * 64, 1, 1), "r" * 64, [])


def run(stage: Failing, items: list[Item]) -> SourceSummary:
    spec = SourceSpec(
        stage.source, "things", "human_video", "video", RecipeRecord(name="r", sha256="r" * 64, content={})
    )
    check: InputCheck[Item] = InputCheck(lambda item: (item.size, 0), lambda *_: True)
    work = in_one_stage(stage, Runner(1, None))
    return run_source_job(spec, items, check, stage.name, work)


def test_an_input_that_always_fails_is_given_up_until_something_changes(tmp_path: Path) -> None:
    stage = Failing(tmp_path / "things")
    for attempt in range(1, MAX_FAILED_RUNS + 1):
        summary = run(stage, [Item("fine"), Item("broken")])
        assert summary.failures == {"broken": "broken: holds text, not video"}
        assert summary.given_up == ()
        assert read_quarantine(stage.source)[0].attempts == attempt
    tried = stage.num_tried
    summary = run(stage, [Item("fine"), Item("broken")])
    assert (stage.num_tried, summary.given_up, summary.num_unchanged) == (tried, ("broken",), 1)
    assert run(stage, [Item("fine"), Item("broken", size=2)]).given_up == ()
    assert read_quarantine(stage.source)[0].attempts == 1


def test_the_command_lists_explains_and_allows_again(tmp_path: Path) -> None:
    stage = Failing(tmp_path / "things")
    for _ in range(MAX_FAILED_RUNS):
        run(stage, [Item("bug")])
    command = CliRunner()
    listed = command.invoke(app, ["quarantine", "list", str(tmp_path), "--json"])
    [record] = json.loads(listed.stdout)
    assert (record["input"], record["stage"], record["attempts"]) == ("bug", "failing", MAX_FAILED_RUNS)
    assert "leaves it" in command.invoke(app, ["quarantine", "list", str(tmp_path)]).stdout
    told = command.invoke(app, ["quarantine", "explain", str(stage.source), "bug"]).stdout
    assert "unexpected ZeroDivisionError: an oversight" in told
    assert "in process" in told  # where it happened
    unknown = command.invoke(app, ["quarantine", "explain", str(stage.source), "bog"])
    assert unknown.exit_code == 2
    assert command.invoke(app, ["quarantine", "retry", str(stage.source), "bug"]).stdout.startswith("1 input will")
    tried = stage.num_tried
    run(stage, [Item("bug")])
    assert stage.num_tried == tried + 1


def test_a_full_disk_stops_the_job_and_blames_no_input(tmp_path: Path) -> None:
    stage = Failing(tmp_path / "things", full=True)
    with pytest.raises(OutputError, match="No space left"):
        run(stage, [Item("a"), Item("b")])
    assert stage.num_tried == 1
    assert read_quarantine(stage.source) == []
    stage.full = False
    assert run(stage, [Item("a"), Item("b")]).document.counts.inputs == 2


def run_in_a_process(source: Path, *inputs: str) -> int:
    """Exit code of a process that runs a job; negative where a signal ended it."""
    code = "import sys; from pathlib import Path; from test_quarantine import Failing, Item, run\n"
    code += "run(Failing(Path(sys.argv[1])), [Item(name) for name in sys.argv[2:]])"
    here = Path(__file__).parent
    search_path = [str(here), str(here.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search_path)}
    command = [sys.executable, "-c", code, str(source), *inputs]
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


def test_an_input_under_which_the_process_crashes_comes_last_and_is_given_up(tmp_path: Path) -> None:
    source, undisturbed = tmp_path / "things", Failing(tmp_path / "undisturbed")
    assert run_in_a_process(source, "abort", "one", "two") == -signal.SIGABRT
    assert read_records(source) == []
    for _ in range(MAX_FAILED_RUNS - 1):
        assert run_in_a_process(source, "abort", "one", "two") == -signal.SIGABRT
        assert [record.input for record in read_records(source)] == ["one", "two"], "the others are done first"
    summary = run(Failing(source), [Item("abort"), Item("one"), Item("two")])
    assert summary.given_up == ("abort",)
    assert "the process crashed (Fatal Python error: Aborted)" in summary.failures["abort"]
    [record] = read_quarantine(source)
    assert record.attempts == MAX_FAILED_RUNS
    assert any("in process" in line for line in record.log), "it tells where it was"
    run(undisturbed, [Item("one"), Item("two")])
    left_over = {path.name for path in source.iterdir()} - {path.name for path in undisturbed.source.iterdir()}
    assert left_over == {"quarantine"}


def test_an_input_under_which_the_process_is_killed_counts_as_tried(tmp_path: Path) -> None:
    source = tmp_path / "things"
    assert run_in_a_process(source, "kill") == -signal.SIGKILL
    assert run(Failing(source), [Item("one")]).document.counts.quarantined == 0, "of another job it is none"
    assert run_in_a_process(source, "kill") == -signal.SIGKILL
    with pytest.raises(KeyboardInterrupt):
        run(Failing(source), [Item("interrupt"), Item("kill")])
    [record] = read_quarantine(source)
    assert (record.attempts, record.error.split(",")[0]) == (1, "the process was killed")


def test_a_death_leaves_no_trace_once_the_input_is_done(tmp_path: Path) -> None:
    source, undisturbed = tmp_path / "things", Failing(tmp_path / "undisturbed")
    (tmp_path / "things").mkdir()
    (source / ".attempt").write_text('{"input": "one"}\n')
    summary = run(Failing(source), [Item("one"), Item("two")])
    run(undisturbed, [Item("one"), Item("two")])
    assert summary.failures == {}
    assert content(source) == content(undisturbed.source)


def test_an_interruption_is_no_death(tmp_path: Path) -> None:
    stage = Failing(tmp_path / "things")
    with pytest.raises(KeyboardInterrupt, match="1 of 2 inputs are done"):
        run(stage, [Item("one"), Item("interrupt")])
    assert not (stage.source / ".attempt").exists()
    assert read_quarantine(stage.source) == []
    assert run(stage, [Item("one"), Item("two")]).num_unchanged == 1


def test_a_note_that_cannot_be_removed_ends_no_job_and_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    with monkeypatch.context() as patched:
        with AttemptNote(tmp_path) as note:
            note.begin("one")
            assert left_behind(tmp_path) is not None
            patched.setattr(Path, "unlink", refuse)
        assert left_behind(tmp_path) is None
        forget_death(tmp_path)
