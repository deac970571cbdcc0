"""Every example runs, as its docstring says, on shards made for the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from humandata.hands.weights import verify

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py"))


NEED_WEIGHTS = {"04_add_an_estimator.py"}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(example: Path, shards: Path) -> None:
    if example.name in NEED_WEIGHTS and verify("hand_landmarker").state not in {"given", "cached"}:
        pytest.skip("no weights: run `humandata models --fetch`")
    command = [sys.executable, str(example), str(shards / "hands")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=example.parents[1])
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
