"""A stage turns items into results, one at a time; a runner decides where. Neither knows of the other."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from humandata.errors import HumandataError, OutputError

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")
ItemT_contra = TypeVar("ItemT_contra", contravariant=True)
ResultT_co = TypeVar("ResultT_co", covariant=True)

MAX_ATTEMPTS = 3
"""How often an item is tried whose worker dies under it, before the item is held to be at fault."""

LAST_LOG_LINES = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class Stage(Protocol[ItemT_contra, ResultT_co]):
    """Work on one item. It is constructed on the driver and must pickle; what is heavy is made in `setup`."""

    name: str
    num_gpus: float
    """GPUs that each worker asks Ray for; below 1, so many of them share one. 0 asks for none."""

    def setup(self) -> None:
        """Load models and the like, once on each worker."""

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


def attempt(stage: Stage[ItemT, ResultT], item: ItemT) -> Outcome[ItemT, ResultT]:
    """Process an item; an error becomes part of the outcome, so that one bad item never stops the others."""
    try:
        return Outcome(item, stage.process(item))
    except OutputError as error:
        return Outcome(item, None, str(error), is_fatal=True)
    except HumandataError as error:
        return Outcome(item, None, str(error))
    except Exception as error:
        fatal = isinstance(error, OSError) and error.errno in _FULL
        last_lines = tuple(traceback.format_exc().strip().splitlines()[-LAST_LOG_LINES:])
        return Outcome(item, None, f"unexpected {type(error).__name__}: {error}", last_lines, fatal)


def run(
    stage: Stage[ItemT, ResultT], items: Sequence[ItemT], num_workers: int, address: str | None = None
) -> Iterator[Outcome[ItemT, ResultT]]:
    """Outcomes as they finish.

    In this process for one worker or one item, else through Ray, on this machine or on a cluster (`address`).
    """
    if address is None and (num_workers == 1 or len(items) == 1):
        from humandata.pipelines.local_runner import run_locally

        return run_locally(stage, items)
    from humandata.pipelines.ray_runner import run_on_ray

    return run_on_ray(stage, items, num_workers, address)
