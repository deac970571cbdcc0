"""What a Ray worker is: a process of its own that holds a stage and does the work of one item after the other."""

from __future__ import annotations

import socket
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from humandata.errors import HumandataError
from humandata.pipelines.stage import LAST_LOG_LINES, Outcome, Stage, attempt


@dataclass(frozen=True)
class WorkerPlace:
    """Where a worker runs; `trouble` says why it cannot."""

    host: str
    node_id: str
    log: str
    """Path on that host of what it writes to stderr; empty where that is not known."""
    trouble: HumandataError | None = None


class StageActor:
    """Holds a stage that is set up, for as long as its process lives: the class of the actors."""

    def __init__(self) -> None:
        self._stage: Stage[Any, Any] | None = None

    def prepare(self, stage: Stage[Any, Any]) -> WorkerPlace:
        """Make the stage the one that is run, and say where."""
        import ray

        trouble = None
        try:
            if self._stage is not None:
                self._stage.close()
            self._stage = stage
            stage.setup()
        except HumandataError as error:
            trouble = error
        log = str(Path("/proc/self/fd/2").readlink()) if sys.platform == "linux" else ""
        return WorkerPlace(socket.gethostname(), ray.get_runtime_context().get_node_id(), log, trouble)

    def process(self, item: Any) -> Outcome[Any, Any]:
        """The outcome of one item."""
        assert self._stage is not None
        return attempt(self._stage, item)


def last_lines(log: str) -> list[str]:
    """The end of a worker's log, without the lines by which Ray marks whose it is."""
    with Path(log).open(errors="replace") as file:
        return [line.rstrip() for line in deque(file, LAST_LOG_LINES) if not line.startswith((":job_id", ":actor"))]
