"""What fails is set aside, tried a few times, left alone, and tried again when something has changed."""

from __future__ import annotations

import errno
import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from humandata.cli import app
from humandata.dataset.records import MAX_FAILED_RUNS, InputRecord, read_quarantine
from humandata.dataset.write import InputIdentity, write_input
from humandata.errors import InputError, OutputError
from humandata.pipelines.runner import Runner
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
        return write_input(self.source, InputIdentity(item.input, "0" * 64, 1, 1), "r" * 64, [])


def run(stage: Failing, items: list[Item]) -> SourceSummary:
    spec = SourceSpec(
        stage.source, "things", "human_video", "video", RecipeRecord(name="r", sha256="r" * 64, content={})
    )
    work = in_one_stage(stage, Runner(1, None))
    return run_source_job(spec, items, lambda *_: True, lambda item: (item.size, 0), stage.name, work)


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
    assert command.invoke(app, ["quarantine", "retry", str(stage.source), "bug"]).stdout.startswith("1 inputs")
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
