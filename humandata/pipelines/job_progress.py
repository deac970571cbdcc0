"""What a person sees of `extract` and `ingest` at work: the whole, each worker, the pace, what came of it so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar as Bar
from rich.table import Table
from rich.text import Text

from humandata.dataset.attempts import AttemptNote
from humandata.dataset.records import InputRecord
from humandata.pipelines.source_item import SourceItem
from humandata.pipelines.stage import THIS_PROCESS
from humandata.pipelines.work_clock import Doing, WorkClock
from humandata.progress import Display

PACE_FIGURES = ("frames", "steps")
"""Figures of a record that tell the pace; the first one that there is."""

_LINES_BESIDE_WORKERS = 5


class JobProgress:
    """A context manager around the work on a source's inputs; told of every beginning and every end."""

    def __init__(self, title: str, weights: Mapping[str, float], num_finished_before: int, note: AttemptNote) -> None:
        """`weights` tells each input that is to be done, and its size; `note` learns what this very process does."""
        self._title = title
        self._total = len(weights)
        self._note = note
        self._before = num_finished_before
        self._clock = WorkClock(weights)
        self._furthest = 0.0
        self._counts: Counter[str] = Counter({"kept": 0, "rejected": 0, "quarantined": 0})
        self._what: dict[str, str] = {}
        self._figures: Counter[str] = Counter()
        self._display = Display(lambda: JobScreen(self), self._line)

    def __enter__(self) -> Self:
        self._display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.stop()

    def watch(self, worker: str, item: SourceItem | None) -> None:
        """A worker begins an input, or has nothing to do: a `Watch` for runners."""
        self.begin(worker, item.input if item is not None else None)

    def begin(self, worker: str, name: str | None, what: str = "") -> None:
        """A worker begins an input, or `what` of it; or it has nothing to do."""
        if worker == THIS_PROCESS:
            self._note.begin(name)
        self._clock.begin(worker, name)
        self._what[worker] = f" ({what})" if what else ""

    def finish_part(self, name: str, share: float) -> None:
        """A part of an input is done, so much of the whole."""
        self._clock.finish_part(name, share)

    def finish(self, name: str, record: InputRecord | None) -> None:
        """An input is finished, or was set aside where there is no record."""
        self._clock.finish(name, failed=record is None)
        if record is None:
            self._counts["quarantined"] += 1
            return
        self._counts["kept"] += len(record.episodes)
        self._counts["rejected"] += len(record.rejected)
        self._figures.update({key: record.figures.get(key, 0.0) for key in PACE_FIGURES})

    @property
    def num_finished(self) -> int:
        """Inputs, those of earlier runs among them."""
        return self._before + self._clock.num_finished

    def overall(self) -> str:
        """How many of the inputs are done."""
        before = f" ({self._before} more before)" if self._before else ""
        return f"{self._clock.num_finished} of {self._total} inputs{before}"

    def counts(self) -> str:
        """What came of them: stretches kept and rejected, inputs quarantined."""
        return ", ".join(f"{count} {name}" for name, count in self._counts.items())

    def pace(self) -> str:
        """How fast all workers together are, by what is finished; empty until something is."""
        seconds = self._clock.seconds_for_finished
        for figure in PACE_FIGURES:
            if self._figures[figure] and seconds:
                return f"{self._figures[figure] / seconds:.1f} {figure}/s"
        return ""

    def time_left(self) -> str:
        """In words; empty at the end."""
        if self._clock.num_finished == self._total:
            return ""
        seconds = self._clock.seconds_left
        if seconds is None:
            return "time left not known yet"
        return f"{clock_time(seconds)} left"

    def workers(self) -> list[Doing]:
        """Those that have begun something; with an item goes what of it is done."""
        doing = self._clock.doing()
        return [
            replace(each, item=_printable(each.item + self._what.get(each.worker, ""))) if each.item else each
            for each in doing
        ]

    @property
    def fraction(self) -> float:
        """How much is done, by size, in [0, 1]; it never goes back, though an input may turn out to take longer."""
        self._furthest = max(self._furthest, self._clock.fraction)
        return self._furthest

    def heading(self) -> str:
        """What is being done, and for how long by now."""
        return f"{self._title}, {clock_time(self._clock.elapsed_s)}"

    def _line(self) -> str:
        """All of it in one line, of the workers the one that has been busy with the same input for longest."""
        busy = [each for each in self.workers() if each.item is not None]
        if not self.workers():
            longest = "workers start"
        else:
            longest = f"longest at work: {busy[0].item} for {clock_time(busy[0].seconds)}" if busy else ""
        parts = [f"{self.overall()} ({self.fraction:.0%})", self.pace(), self.counts(), self.time_left(), longest]
        return f"{self.heading()}: " + ", ".join(part for part in parts if part)


class JobScreen:
    """The progress as a terminal shows it, as wide and as high as that is."""

    def __init__(self, progress: JobProgress) -> None:
        self._progress = progress

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        shown = self._progress
        head = Table.grid(padding=(0, 1), expand=True)
        head.add_column(no_wrap=True, overflow="ellipsis")
        head.add_column(ratio=1)
        head.add_column(no_wrap=True, justify="right")
        head.add_row(Text(shown.heading()), Bar(1.0, shown.fraction), Text(f"{shown.fraction:.0%}"))
        yield head
        pace = ", ".join(part for part in (shown.overall(), shown.pace(), shown.time_left()) if part)
        for line in (pace, shown.counts()):
            yield Text(line)
        yield from _workers(shown.workers(), options.max_width, console.height - _LINES_BESIDE_WORKERS)


def _workers(workers: Sequence[Doing], width: int, most: int) -> list[RenderableType]:
    """A line for each worker; of more than there is room for, those that have been at it longest."""
    if not workers:
        return [Text("workers start", style="dim")]
    busy = [each for each in workers if each.item is not None]
    name_width = max((len(each.worker) for each in busy), default=0)
    lines: list[RenderableType] = []
    for each in busy[: max(1, most)]:
        start = f"{each.worker:<{name_width}} {clock_time(each.seconds):>8}  "
        lines.append(Text(start + _end_of(str(each.item), width - len(start)), no_wrap=True))
    if len(busy) > max(1, most):
        lines.append(Text(f"and {len(busy) - max(1, most)} more workers", style="dim", no_wrap=True))
    return lines


def clock_time(seconds: float) -> str:
    """Hours, minutes and seconds as a clock shows them."""
    return str(timedelta(seconds=round(seconds)))


def _end_of(text: str, width: int) -> str:
    """The end of a path, which tells most, where there is no room for all of it."""
    while cell_len(text) > max(width, 1):
        text = "…" + text[2:] if len(text) > 1 else set_cell_size(text, max(width, 1))
    return text


def _printable(name: str) -> str:
    """A name that does nothing to a terminal, whatever a stranger called the file."""
    return "".join(each if each.isprintable() else "?" for each in name)
