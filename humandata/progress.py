"""Progress as a person sees it: a bar in a terminal, a line now and then elsewhere. On stderr, so stdout stays data."""

from __future__ import annotations

import io
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

SECONDS_BETWEEN_LINES = 10.0
REFRESHES_PER_SECOND = 2.0


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


class Display:
    """Shows what is going on while the main thread is busy: redrawn in a terminal, a line now and then elsewhere.

    It writes to a copy of stderr's descriptor, which is there too while native libraries are silenced. A stream that is
    closed or full never ends the work.
    """

    def __init__(self, screen: Callable[[], RenderableType], line: Callable[[], str]) -> None:
        self._screen, self._line = screen, line
        self._live: Live | None = None
        self._stopped = threading.Event()

    def start(self) -> None:
        """Show it at once, and from then on by itself."""
        self._stream = _own_stderr()
        console = Console(file=self._stream)
        if console.is_terminal and not console.is_dumb_terminal:
            self._live = Live(
                console=console,
                get_renderable=self._screen,
                refresh_per_second=REFRESHES_PER_SECOND,
                redirect_stdout=False,
                vertical_overflow="crop",
            )
            with suppress(OSError):
                self._live.start(refresh=True)
            return
        self._say()
        self._lines = threading.Thread(target=self._say_now_and_then, daemon=True)
        self._lines.start()

    def stop(self) -> None:
        """Show it for the last time."""
        if self._live is not None:
            with suppress(OSError):
                self._live.stop()
        else:
            self._stopped.set()
            self._lines.join()
            self._say()
        if self._stream is not sys.stderr:
            with suppress(OSError):
                self._stream.close()

    def _say_now_and_then(self) -> None:
        while not self._stopped.wait(SECONDS_BETWEEN_LINES):
            self._say()

    def _say(self) -> None:
        with suppress(OSError):
            self._stream.write(self._line() + "\n")
            self._stream.flush()


def _own_stderr() -> TextIO:
    try:
        return os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding, errors="replace")
    except (OSError, io.UnsupportedOperation):
        return sys.stderr  # no file, as in a notebook or a test
