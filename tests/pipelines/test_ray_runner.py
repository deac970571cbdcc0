"""Workers on Ray: every item has its outcome, and there are no more of them than fit on the GPUs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from doing import Doing

from humandata.errors import UsageError
from humandata.pipelines.ray_runner import run_on_ray, workers_that_fit


@pytest.mark.parametrize(
    ("num_gpus", "gpus_per_worker", "expected"),
    [
        (0.0, 0.0, sys.maxsize),
        (1.0, 0.25, 4),
        (2.0, 0.3, 6),  # three on each, though 6.67 shares would be there in sum
        (4.0, 1.0, 4),
        (5.0, 2.0, 2),
        (1.0, 0.1, 10),
    ],
)
def test_no_more_workers_than_fit(num_gpus: float, gpus_per_worker: float, expected: int) -> None:
    assert workers_that_fit(num_gpus, gpus_per_worker) == expected


@pytest.mark.parametrize(("num_gpus", "gpus_per_worker"), [(0.0, 0.25), (1.0, 2.0), (4.0, 1.5)])
def test_a_share_that_cannot_be_had_is_told(num_gpus: float, gpus_per_worker: float) -> None:
    with pytest.raises(UsageError, match="--gpus-per-worker"):
        workers_that_fit(num_gpus, gpus_per_worker)


def test_every_item_has_one_outcome_though_workers_die(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))  # where Ray's workers find the stage
    outcomes = {outcome.item: outcome for outcome in run_on_ray(Doing(tmp_path), ["a", "unlucky", "wrong"], 2, None)}
    assert {item: outcome.result for item, outcome in outcomes.items()} == {
        "a": "A",
        "unlucky": "UNLUCKY",
        "wrong": None,
    }
    assert outcomes["wrong"].error == "wrong: cannot be used"
