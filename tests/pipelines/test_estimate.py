"""What a job needs is told before it starts, and a disk that has no room stops it then."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from humandata.errors import OutputError
from humandata.pipelines.estimate import estimate
from humandata.pipelines.extract import extract, plan_extract
from humandata.pipelines.recipe import load_recipe
from humandata.video.probe import probe

RECIPE = load_recipe("fast")


class Usage(NamedTuple):
    total: int
    used: int
    free: int


def test_hours_disk_and_time_are_those_of_the_videos(clips: Path, tmp_path: Path) -> None:
    [plan] = plan_extract([clips / "videos"], tmp_path / "shards", RECIPE)
    needed = estimate(plan.items, tmp_path / "shards", RECIPE, workers=1)
    seconds = sum((probe(item.path).duration_ns or 0) / 1e9 for item in plan.items)
    assert needed.hours * 3600 == pytest.approx(seconds, rel=0.05)
    steps = seconds * 15
    assert 5_000 * steps < needed.bytes_needed < 100_000 * steps
    assert needed.seconds is not None
    assert needed.seconds > 0
    assert needed.workers == 1
    assert needed.pieces == len(plan.items)
    in_parts = RECIPE.model_copy(update={"decode": RECIPE.decode.model_copy(update={"part_s": seconds / 8})})
    assert 8 <= estimate(plan.items, tmp_path / "shards", in_parts).pieces <= 10  # lengths are guessed from sizes
    assert not (tmp_path / "shards").exists()
    assert estimate([], tmp_path, RECIPE, workers=1).hours == 0


def test_a_disk_without_room_stops_the_job_before_it_starts(
    clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 1000))
    with pytest.raises(OutputError, match="are free"):
        extract([clips / "videos"], tmp_path / "shards", RECIPE)
    assert not (tmp_path / "shards").exists()
