"""Workers that are processes: they share the work, and one that dies costs at most the item it died of."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from doing import Doing

from humandata.pipelines.process_runner import run_in_processes
from humandata.pipelines.stage import MAX_ATTEMPTS


@pytest.fixture
def stage(tmp_path: Path) -> Doing:
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
