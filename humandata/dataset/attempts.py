"""What this very process is working on, noted before it begins: where the process dies, the next run knows of what.

A worker that dies is noticed by its driver. Where driver and worker are one, there is only what was left on disk.
"""

from __future__ import annotations

import faulthandler
import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from humandata.errors import cannot_be_written

NOTE = ".attempt"
LINES_KEPT = 8


@dataclass(frozen=True)
class Death:
    """How an earlier process ended."""

    input: str
    """What it was working on."""
    error: str
    log: tuple[str, ...]
    """What Python could still tell of a crash: where it was, the innermost call first."""


def left_behind(source: Path) -> Death | None:
    """The end of an earlier process in the midst of an input of the source; None where it got to an end of its own."""
    try:
        first, *dump = (source / NOTE).read_text(encoding="utf-8", errors="replace").splitlines()
        name = str(json.loads(first)["input"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    told = [line for line in dump if line.strip()]
    how = f"crashed ({told[0]})" if told else "was killed, as the system does where memory is short,"
    return Death(name, f"the process {how} while it was working on this", tuple(told[:LINES_KEPT]))


def forget_death(source: Path) -> None:
    """It is counted."""
    with suppress(OSError):  # a folder that may not be written is told of where something has to be
        (source / NOTE).unlink(missing_ok=True)


class AttemptNote:
    """A context manager around the work on a source, which nobody else may be working on."""

    def __init__(self, source: Path) -> None:
        self._path = source / NOTE
        self._dumps_crashes = False

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("w", encoding="utf-8")
        except OSError as failure:
            raise cannot_be_written(self._path, failure) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._dumps_crashes:
            faulthandler.disable()
        with suppress(OSError):  # as above; what cannot be removed is empty, which says as much
            self._file.seek(0)
            self._file.truncate()
            self._path.unlink(missing_ok=True)
        with suppress(OSError):
            self._file.close()

    def begin(self, input_name: str | None) -> None:
        """Note what is begun, None where nothing is. Raises OutputError where that is impossible.

        From then on a crash leaves its traceback behind the note, unless crashes are reported elsewhere already.
        """
        if input_name is not None and not faulthandler.is_enabled():
            faulthandler.enable(self._file, all_threads=False)
            self._dumps_crashes = True
        try:
            self._file.seek(0)
            self._file.truncate()
            if input_name is not None:
                self._file.write(json.dumps({"input": input_name}) + "\n")
            self._file.flush()  # no fsync: it is for the end of this process, not that of the machine
        except OSError as failure:
            raise cannot_be_written(self._path, failure) from None
