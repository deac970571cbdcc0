"""`metrics.jsonl`: a line for every step of a run."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from humandata.dataset.files import write_atomically


class MetricsLog:
    """Appends lines; what a lost checkpoint had already logged past `step` is dropped when it opens."""

    def __init__(self, path: Path, step: int) -> None:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = lines[:step]
        write_atomically(path, "".join(f"{line}\n" for line in kept).encode())
        self._file = path.open("a", encoding="utf-8", buffering=1)

    def write(self, step: int, loss: float, learning_rate: float, samples_per_s: float) -> None:
        """The line of step number `step`, counted from 1."""
        line = {"step": step, "loss": loss, "learning_rate": learning_rate, "samples_per_s": round(samples_per_s, 1)}
        self._file.write(json.dumps(line) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
