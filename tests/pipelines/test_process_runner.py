"""Workers that are processes: they share the work, and one that dies costs at most the item it died of."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from humandata.errors import InputError
from humandata.pipelines.process_runner import run_in_processes
from humandata.pipelines.stage import MAX_ATTEMPTS


@dataclass
class Doing:
    """Does what an item says, noting each attempt in a folder."""

    folder: Path
    name: str = "doing"
    num_gpus: float = 0.0

    def setup(self) -> None:
        pass

    def close(self) -> None:
        pass

    def process(self, item: str) -> str:
        attempts = len(list(self.folder.glob(f"{item}.*")))
        (self.folder / f"{item}.{attempts}").touch()
        if item == "deadly" or (item == "unlucky" and attempts == 0):
            sys.stderr.write(f"about to die of {item}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "wrong":
            raise InputError("wrong: cannot be used")
        if item == "forever":
            (self.folder / "pid").write_text(str(os.getpid()))
            time.sleep(60)
        return item.upper()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doing:
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    return Doing(tmp_path)


def test_every_item_has_one_outcome_whatever_becomes_of_the_workers(stage: Doing) -> None:
    items = ["a", "deadly", "b", "unlucky", "wrong", "c"]
    outcomes = {outcome.item: outcome for outcome in run_in_processes(stage, items, num_workers=2)}
    assert sorted(outcomes) == sorted(items)
    assert {item: outcome.result for item, outcome in outcomes.items() if outcome.result} == {
        "a": "A",
        "b": "B",
        "c": "C",
        "unlucky": "UNLUCKY",
    }
    assert outcomes["wrong"].error == "wrong: cannot be used"
    told = outcomes["deadly"].error
    assert told is not None
    assert f"died {MAX_ATTEMPTS} times (signal 9)" in told
    assert outcomes["deadly"].log[-1] == "about to die of deadly"
    assert len(list(stage.folder.glob("deadly.*"))) == MAX_ATTEMPTS


def test_closing_the_iterator_ends_the_workers(stage: Doing) -> None:
    outcomes = run_in_processes(stage, ["a", "forever"], num_workers=2)
    assert next(outcomes).item == "a"
    deadline = time.monotonic() + 20
    while not (stage.folder / "pid").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    outcomes.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int((stage.folder / "pid").read_text()), 0)
