"""Workers on Ray: how many there are where each asks for a share of a GPU."""

from __future__ import annotations

import sys

import pytest

from humandata.errors import UsageError
from humandata.pipelines.ray_runner import workers_that_fit


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
