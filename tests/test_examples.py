"""Every example runs, as its docstring says, on shards made for the test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("[0-9]*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs(example: Path, shards: Path) -> None:
    command = [sys.executable, str(example), str(shards / "hands")]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=example.parents[1])
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()
