"""A stage turns items into results, one at a time; a runner decides where. Neither knows of the other."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from humandata.errors import HumandataError, OutputError, printable

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)

MAX_ATTEMPTS = 3
"""How often an item is tried whose worker dies under it, before the item is held to be at fault."""

LAST_LOG_LINES = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


@dataclass(frozen=True)
class Needs:
    """What each worker of a stage asks of a cluster. On one machine only the GPU share counts."""

    num_cpus: float = 1.0
    num_gpus: float = 0.0
    """Below 1, so many of them share one."""
    memory_bytes: int = 0
    """0 asks for none: as many workers as there are CPUs."""


class Stage(Protocol[ItemT_contra, ResultT_co]):
    """Work on one item. It is constructed on the driver and must pickle; what is heavy is made in `setup`."""

    name: str
    needs: Needs

    def setup(self) -> None:
        """Load models and the like, once on each worker; a HumandataError ends the job."""

    def process(self, item: ItemT_contra) -> ResultT_co:
        """Do the work of one item; raises HumandataError where the item is at fault."""

    def close(self) -> None:
        """Release what `setup` made."""


@dataclass(frozen=True)
class Outcome(Generic[ItemT, ResultT]):
    """What became of an item: a result, or the error that stopped it."""

    item: ItemT
    result: ResultT | None
    error: str | None = None
    log: tuple[str, ...] = ()
    """The last lines of what tells more than the error does: a traceback, or what a worker wrote before it died."""
    is_fatal: bool = False
    """The error is none of the item's: the disk is full, or the folder cannot be written."""


Watch = Callable[[str, ItemT | None], None]
"""Told who does what: the worker's name and the item it begins, or None when it has nothing to do any more."""

THIS_PROCESS = "this process"
"""Name of the worker that is no process of its own: where it dies, nobody is left to notice."""


def unwatched(worker: str, item: object) -> None:
    """Take no notice: the `Watch` of who does not care."""


More = Callable[[Outcome[ItemT, ResultT]], Sequence[ItemT]]
"""What is to be done after an item, and before what still waits: it may finish what the item completed."""


def nothing_more(outcome: object) -> Sequence[Any]:
    """No item leads to another: the usual `More`."""
    del outcome
    return ()


def attempt(stage: Stage[ItemT, ResultT], item: ItemT) -> Outcome[ItemT, ResultT]:
    """Process an item; an error becomes part of the outcome, so that one bad item never stops the others."""
    try:
        return Outcome(item, stage.process(item))
    except OutputError as error:
        return Outcome(item, None, printable(str(error)), is_fatal=True)
    except HumandataError as error:
        return Outcome(item, None, printable(str(error)))
    except Exception as error:
        fatal = isinstance(error, OSError) and error.errno in _FULL
        last_lines = tuple(printable(traceback.format_exc()).strip().splitlines()[-LAST_LOG_LINES:])
        told = printable(f"unexpected {type(error).__name__}: {error}")
        return Outcome(item, None, told, last_lines, fatal)
