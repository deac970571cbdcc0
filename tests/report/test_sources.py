"""What a person reads when `extract` or `ingest` ends, and before one begins."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from builders import RECIPE, make_episode, write_source

from humandata.dataset.read import open_source
from humandata.pipelines.estimate import Estimate
from humandata.pipelines.source_job import SourcePlan, SourceSpec, SourceSummary
from humandata.readers.reader import EpisodeRef
from humandata.report.sources import MOST_LINES, print_plans, print_summaries

ESTIMATE = Estimate(
    hours=2.5, pieces=75, bytes_needed=3_000_000_000, bytes_free=2_000_000_000, workers=2, seconds=7200.0
)


@pytest.fixture
def summary(tmp_path: Path) -> SourceSummary:
    """Of a source of one episode, made from the one input that could be used."""
    path = write_source(tmp_path / "hands", [make_episode(0, "human_hands")])
    return SourceSummary(
        path=path,
        document=open_source(path).document,
        num_inputs=1,
        num_unchanged=0,
        rejections={},
        failures={},
        given_up=(),
        warnings={},
        provenance={"scale": {"assumed": 1}, "intrinsics": {}},
        figures={"frames": 40.0, "frames_with_hands": 38.0, "camera_static": 1.0},
    )


def test_what_was_done_is_told_in_sentences(summary: SourceSummary, capsys: pytest.CaptureFixture[str]) -> None:
    assert print_summaries([summary], as_json=False) == 0
    told = capsys.readouterr().out
    for sentence in (
        "hands in 38 of 40 frames looked at.",
        "camera motion by video: static (1).",
        "scale by episode: assumed (1).",
    ):
        assert sentence in told
    for absent in ("intrinsics by episode", "nothing to do", "quarantine", "depth measured"):
        assert absent not in told


def test_a_command_that_is_named_can_be_typed_though_the_name_has_spaces(
    summary: SourceSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    print_summaries([replace(summary, path=Path("shards/fold the shirt"), rejections={"border": 1})], as_json=False)
    assert "`humandata inspect 'shards/fold the shirt'` says" in " ".join(capsys.readouterr().out.split())


def test_a_failure_is_told_with_what_becomes_of_it_and_makes_the_exit_code_1(
    summary: SourceSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"{number}.mp4" for number in range(MOST_LINES + 2)]
    failed = replace(
        summary, num_inputs=13, failures=dict.fromkeys(names, "holds text, not video"), given_up=("0.mp4",)
    )
    assert print_summaries([summary, failed], as_json=False) == 1
    told = capsys.readouterr().out
    assert "failed 0.mp4: holds text, not video\n" in told
    assert "... and 2 more\n" in told
    assert "1 of them failed 3 times and were left alone; when the cause is mended: humandata quarantine" in told
    assert print_summaries([failed], as_json=True) == 1
    [data] = json.loads(capsys.readouterr().out)
    assert (data["inputs"], len(data["failures"]), data["counts"]["episodes"]) == (13, len(names), 1)


def test_a_plan_tells_what_is_to_do_and_whether_there_is_room(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = [EpisodeRef(name, ()) for name in ("a", "b")]
    plan = SourcePlan(SourceSpec(tmp_path / "s", "s", "human_video", "video", RECIPE), items, items[1:])
    print_plans([plan], as_json=False, needed=ESTIMATE)
    told = capsys.readouterr().out
    assert "to do b\n" in told
    assert "to do a" not in told
    assert "at most 3.0 GB on disk (2.0 GB are free: NOT ENOUGH)" in told
    assert "about 2.0 h with 2 workers, by a short trial here." in told
    print_plans([plan], as_json=False, needed=replace(ESTIMATE, bytes_free=None, seconds=None))
    told = capsys.readouterr().out
    assert "at most 3.0 GB." in told
    assert "by a short trial" not in told
    print_plans([plan], as_json=True, needed=ESTIMATE)
    data = json.loads(capsys.readouterr().out)
    assert data["sources"] == [{"source": "s", "path": str(tmp_path / "s"), "inputs": ["a", "b"], "pending": ["b"]}]
    assert data["needed"] == vars(ESTIMATE)
