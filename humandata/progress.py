"""Progress as a person sees it: a bar in a terminal, a line now and then elsewhere. On stderr, so stdout stays data."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0


class ProgressBar:
    """A context manager around a job of `total` equal pieces."""

    def __init__(self, description: str, total: int, unit: str) -> None:
        self._description, self._total, self._unit = description, total, unit
        self._done = 0
        self._started = self._last_line = time.monotonic()
        self._bar: Progress | None = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn(unit),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
            )

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._description, total=self._total, note="")
        elif self._total:
            self._say(f"{self._description}: {self._total} {self._unit}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def advance(self, note: str = "") -> None:
        """One more piece is done; `note` is shown beside the bar until the next one."""
        self.update(self._done + 1, note)

    def update(self, done: int, note: str = "", total: int | None = None) -> None:
        """So many pieces are done by now, of `total` where that was not known before."""
        self._done = done
        self._total = self._total if total is None else total
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=self._total, note=note)
            return
        if done == 0:
            return
        now = time.monotonic()
        if self._done == self._total or now - self._last_line >= SECONDS_BETWEEN_LINES:
            self._last_line = now
            left_s = (now - self._started) / self._done * (self._total - self._done)
            parts = [f"{self._description}: {self._done}/{self._total} {self._unit}", f"{left_s:.0f} s left", note]
            self._say(", ".join(part for part in parts if part))

    def _say(self, line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()
