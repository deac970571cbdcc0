"""What `mix` tells: what a batch is, what would be written, and what changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from humandata.errors import UsageError
from humandata.report.mixing import print_difference, run_mix
from humandata.schemas.mixture import CurriculumPoint, read_mixture

HALVES = (CurriculumPoint(sample=0, ratio=0.9), CurriculumPoint(sample=1000, ratio=0.5))
BATCH = "every batch of 64"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"robot_ratio": 0.8}, f"{BATCH} is 20% human, 80% robot."),
        # Human episodes have 39 training steps as the robot's do, so that shares of episodes are those of samples.
        ({"robot_ratio": 0.8, "unit": "episodes"}, f"{BATCH} is 20% human, 80% robot: of episodes, 20% human, 80%"),
        # 39 steps at 15 Hz are 2.6 s, at 20 Hz 1.95 s: a second of the robot has 4/3 as many samples.
        ({"robot_ratio": 0.5, "unit": "seconds"}, f"{BATCH} is 42.86% human, 57.14% robot: of seconds, 50% human, 50%"),
        (
            {"curriculum": ("robot", HALVES)},
            f"{BATCH} holds the share of robot that its curriculum says (0.9 from sample 0, 0.5 from sample 1,000; "
            "linear in between).",
        ),
        ({"curriculum": ("robot", HALVES), "unit": "seconds"}, "linear in between), counted in seconds."),
    ],
)
def test_a_batch_is_told_in_samples_and_in_the_unit_of_the_ratios(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], given: dict[str, object], told: str
) -> None:
    run_mix([shards], tmp_path / "m.json", given, dry_run=False, as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert told in said
    assert "warning: " in said
    assert said.endswith(f"Next: humandata train {tmp_path / 'm.json'}")


def test_a_dry_run_tells_the_same_and_names_no_file(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "m.json"
    told = []
    for dry_run in (True, False):
        run_mix([shards], out, {}, dry_run=dry_run, as_json=True)
        told.append(json.loads(capsys.readouterr().out))
        assert out.exists() is not dry_run
    assert [each.pop("mixture") for each in told] == [None, str(out)]
    assert told[0] == told[1]
    assert told[0]["manifest_sha256"] == read_mixture(out).manifest_sha256
    run_mix([shards], out, {}, dry_run=True, as_json=False)
    said = " ".join(capsys.readouterr().out.split())
    assert f"dry run: {out} is not written; every batch of 64" in said
    assert "Next:" not in said


def test_a_difference_is_told_under_its_kind_and_a_folder_is_refused(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    run_mix([shards], old, {"robot_ratio": 0.8}, dry_run=False, as_json=False)
    run_mix([shards], new, {"robot_ratio": 0.6, "seed": 3}, dry_run=False, as_json=False)
    capsys.readouterr()
    print_difference(old, new, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["ratios", "  ratio of human: 0.2 -> 0.4"]
    assert lines[lines.index("terms") + 1] == "  seed: 0 -> 3"
    print_difference(old, new, as_json=True)
    told = json.loads(capsys.readouterr().out)
    assert told["before"] == read_mixture(old).manifest_sha256
    assert told["after"] == read_mixture(new).manifest_sha256
    assert {"about": "terms", "what": "seed", "before": "0", "after": "3"} in told["changes"]
    print_difference(old, old, as_json=False)
    assert f"are the same mixture {told['before'][:12]}." in " ".join(capsys.readouterr().out.split())
    with pytest.raises(UsageError, match="is a folder; --diff compares two manifests"):
        print_difference(old, shards, as_json=False)
