"""Where stages run: in this process, on the cores of this machine, or on a Ray cluster.

    with open_runner(num_workers, address) as runner:
        for outcome in runner.run(cut, videos): ...
        for outcome in runner.run(extract, segments): ...

Ray is started when it is first needed and serves every stage that follows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from humandata.pipelines.local_runner import run_locally
from humandata.pipelines.stage import ItemT, More, Outcome, ResultT, Stage, Watch, nothing_more, unwatched

if TYPE_CHECKING:
    from humandata.pipelines.ray_runner import RayRunner


class Runner:
    """Runs stages one after the other; made by `open_runner`."""

    def __init__(self, num_workers: int | None, address: str | None) -> None:
        self._num_workers = num_workers if address or num_workers else len(os.sched_getaffinity(0))
        self._address = address
        self._ray: RayRunner | None = None

    def run(
        self,
        stage: Stage[ItemT, ResultT],
        items: Sequence[ItemT],
        watch: Watch[ItemT] = unwatched,
        more: More[ItemT, ResultT] = nothing_more,
    ) -> Iterator[Outcome[ItemT, ResultT]]:
        """Outcomes as they finish, each item's once.

        With one worker, or one item and no Ray yet, in this process. An item whose worker dies is tried again,
        `MAX_ATTEMPTS` times. Raises UsageError where no cluster answers, or none of its nodes has what the stage needs;
        MissingDependencyError where a worker lacks a package or a model.
        """
        if not items:
            return
        alone = self._num_workers == 1 or (len(items) == 1 and self._ray is None)
        if self._address is None and alone:
            yield from run_locally(stage, items, watch, more)
            return
        if self._ray is None:
            from humandata.pipelines.ray_runner import RayRunner

            self._ray = RayRunner(self._num_workers, self._address)
        yield from self._ray.run(stage, items, watch, more)

    def close(self) -> None:
        """End the workers, and Ray where it was started here."""
        if self._ray is not None:
            self._ray.close()
            self._ray = None


@contextmanager
def open_runner(num_workers: int | None = None, address: str | None = None) -> Iterator[Runner]:
    """A runner of so many workers at most, on the Ray cluster at `address` (`auto` or HOST:PORT) where one is given.

    `num_workers` defaults to the cores that this process may use; on a cluster to whatever it has room for, now and
    after it has grown.
    """
    runner = Runner(num_workers, address)
    try:
        yield runner
    finally:
        runner.close()
