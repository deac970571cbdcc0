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


def test_a_mistake_is_told_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLES[0]), str(tmp_path / "nothing")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=EXAMPLES[0].parents[1])
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr
