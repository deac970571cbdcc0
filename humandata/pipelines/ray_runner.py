"""Running the items of a stage on Ray actors, on this machine or on a cluster.

Work waits on the driver, one item at a time goes to each worker, and more workers are asked for than have room: their
requests are the queue that an autoscaler sees. So a node that comes is used at once, one that goes takes only what it
was doing with it, and Ray's object store holds no more than one item and one result a worker.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic

from humandata.errors import HumandataError, MissingDependencyError, UsageError
from humandata.pipelines.ray_cluster import RayCluster
from humandata.pipelines.ray_worker import StageActor, WorkerPlace, last_lines
from humandata.pipelines.stage import (
    MAX_ATTEMPTS,
    ItemT,
    More,
    Needs,
    Outcome,
    ResultT,
    Stage,
    Watch,
    nothing_more,
)

REQUESTED_AHEAD = 16
"""Workers asked for beyond those at work; once more are at work, as many again, so that a cluster can double."""
MAX_NODES_LOST = 20
"""How often an item is begun anew because its node went away, which is no fault of the item's."""
PATIENCE_S = 900.0
"""How long a cluster may take until it has room for the first worker: an autoscaler needs minutes for a node."""
_LOG_TIMEOUT_S = 10.0


@dataclass
class _Try(Generic[ItemT]):
    """An item and what it went through."""

    item: ItemT
    deaths: int = 0
    nodes_lost: int = 0


@dataclass(eq=False)
class _Worker:
    """A worker as the driver knows it."""

    number: int
    actor: Any
    place: WorkerPlace | None = None

    @property
    def name(self) -> str:
        """Unique among those at work."""
        return f"worker {self.number}" + (f" on {self.place.host}" if self.place else "")


@dataclass
class _Work(Generic[ItemT]):
    """The items of a stage, and who is at them: what waits, and workers by the answers that they owe."""

    watch: Watch[ItemT]
    waiting: deque[_Try[ItemT]]
    preparing: dict[Any, _Worker] = field(default_factory=dict)
    running: dict[Any, tuple[_Worker, _Try[ItemT]]] = field(default_factory=dict)
    idle: list[_Worker] = field(default_factory=list)


class RayRunner:
    """Workers on Ray, for one stage after the other. On this machine they stay from stage to stage."""

    def __init__(self, num_workers: int | None, address: str | None) -> None:
        """Start Ray, or join the cluster at `address`; raises UsageError where there is none."""
        self._limit = num_workers or math.inf
        self._cluster = RayCluster(num_workers, address)
        self._ray = self._cluster.ray
        self._workers: list[_Worker] = []
        self._share: dict[str, float] = {}
        self._all_well = True

    def close(self) -> None:
        """Let go of the cluster and every worker on it; Ray's logs of a job in which something died are kept."""
        self._cluster.close(keep_logs=not self._all_well)

    def run(
        self,
        stage: Stage[ItemT, ResultT],
        items: Sequence[ItemT],
        watch: Watch[ItemT],
        more: More[ItemT, ResultT] = nothing_more,
    ) -> Iterator[Outcome[ItemT, ResultT]]:
        """See `Runner.run`. Items and results travel through Ray, so they should be paths and records."""
        self._set_share(stage.needs)
        work = _Work(watch, deque(_Try(item) for item in items))
        work.preparing = {worker.actor.prepare.remote(stage): worker for worker in self._workers}
        failed_starts = 0
        started = time.monotonic()
        try:
            while work.waiting or work.running:
                for worker in self._request(work):
                    work.preparing[worker.actor.prepare.remote(stage)] = worker
                finished, _ = self._ray.wait([*work.running, *work.preparing], num_returns=1, timeout=1.0)
                self._cluster.refuse_if_dead()
                if not finished:
                    self._cluster.living_nodes()
                    if not work.running and time.monotonic() - started > PATIENCE_S:
                        raise self._no_room(stage.needs)
                for reference in finished:
                    if reference in work.running:
                        yield from self._finish(reference, work, more)
                        continue
                    worker = work.preparing.pop(reference)
                    died_of = self._died_of(reference, worker)
                    if died_of is None:
                        work.idle.append(worker)
                        self._hand_out(work)
                    failed_starts = 0 if died_of is None else failed_starts + 1
                    if failed_starts >= MAX_ATTEMPTS and not work.running:
                        raise HumandataError(f"workers die while they start ({died_of}).")
        except HumandataError:
            self._all_well = False
            raise
        finally:
            for worker, _ in work.running.values():
                self._end(worker)
            if self._cluster.is_joined:
                self._end_all(work.preparing.values())

    def _finish(
        self, reference: Any, work: _Work[ItemT], more: More[ItemT, ResultT]
    ) -> Iterator[Outcome[ItemT, ResultT]]:
        """Find something else to do for a worker, or for the item of one that died; then give the outcome, if any."""
        worker, tried = work.running.pop(reference)
        try:
            outcome: Outcome[ItemT, ResultT] | None = self._ray.get(reference)
            work.idle.append(worker)
        except self._ray.exceptions.RayError as error:
            outcome = self._after_death(error, worker, tried)
        if outcome is None:
            work.waiting.append(tried)
        else:
            work.waiting.extendleft(_Try(item) for item in more(outcome))
        self._hand_out(work)
        if not any(each is worker for each, _ in work.running.values()):
            work.watch(worker.name, None)
        if outcome is not None:
            yield outcome

    def _hand_out(self, work: _Work[ItemT]) -> None:
        """Give idle workers their next items; on a cluster, those that nothing waits for give their places back."""
        while work.idle and work.waiting:
            worker, tried = work.idle.pop(), work.waiting.popleft()
            work.watch(worker.name, tried.item)
            work.running[worker.actor.process.remote(tried.item)] = (worker, tried)
        if self._cluster.is_joined and not work.waiting:
            self._end_all([*work.idle, *work.preparing.values()])
            work.idle.clear()
            work.preparing.clear()

    def _request(self, work: _Work[Any]) -> Iterator[_Worker]:
        """Ask for the workers that may be of use, and that are not asked for yet."""
        limit = min(self._limit, len(work.waiting) + len(work.running))
        num_preparing = len(work.preparing)
        ahead = max(REQUESTED_AHEAD, len(self._workers) - num_preparing) if self._cluster.is_joined else math.inf
        while len(self._workers) < limit and num_preparing < ahead:
            num_preparing += 1
            taken = {worker.number for worker in self._workers}
            number = next(number for number in range(1, len(taken) + 2) if number not in taken)
            actor: Any = self._ray.remote(max_restarts=0, max_task_retries=0, **self._share)(StageActor)
            self._workers.append(_Worker(number, actor.remote()))
            yield self._workers[-1]

    def _died_of(self, reference: Any, worker: _Worker) -> str | None:
        """Why a worker did not come up, None where it did; raises MissingDependencyError where it lacks something."""
        try:
            worker.place = self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            raise _lacking(worker, _cause(error)) from None
        except self._ray.exceptions.RayError as error:
            self._bury(worker, error)
            if getattr(error, "actor_init_failed", False):
                raise _lacking(worker, _cause(error)) from None
            return _cause(error)
        assert worker.place is not None
        if worker.place.trouble is not None:
            trouble = worker.place.trouble
            raise _lacking(worker, str(trouble)) if self._cluster.is_joined else trouble
        return None

    def _after_death(self, error: Exception, worker: _Worker, tried: _Try[ItemT]) -> Outcome[ItemT, Any] | None:
        """What became of the item of a worker that died; None where it is to be tried again."""
        if self._bury(worker, error):
            tried.nodes_lost += 1
            if tried.nodes_lost < MAX_NODES_LOST:
                return None
            return Outcome(tried.item, None, f"its node went away {MAX_NODES_LOST} times, the last was {worker.name}")
        tried.deaths += 1
        if tried.deaths < MAX_ATTEMPTS:
            return None
        log = self._last_lines(worker)
        return Outcome(tried.item, None, f"its worker died {MAX_ATTEMPTS} times ({_cause(error)})", log)

    def _bury(self, worker: _Worker, error: Exception) -> bool:
        """Forget a worker that died; whether its node went away, which took it along."""
        self._all_well = False
        self._end(worker)
        alive = self._cluster.living_nodes()
        told = getattr(error, "preempted", False) or "node has died" in str(error)
        return told or (worker.place is not None and worker.place.node_id not in alive)

    def _last_lines(self, worker: _Worker) -> tuple[str, ...]:
        """The end of what a dead worker wrote, read on its own node; nothing where that is impossible."""
        if worker.place is None or not worker.place.log:
            return ()
        on_its_node = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(worker.place.node_id, False)
        read = self._ray.remote(num_cpus=0, scheduling_strategy=on_its_node)(last_lines)
        try:
            return tuple(self._ray.get(read.remote(worker.place.log), timeout=_LOG_TIMEOUT_S))
        except self._ray.exceptions.RayError:
            return ()

    def _end(self, worker: _Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
            self._ray.kill(worker.actor)

    def _end_all(self, workers: Iterable[_Worker]) -> None:
        for worker in list(workers):
            self._end(worker)

    def _set_share(self, needs: Needs) -> None:
        """What each worker asks for from now on; workers of another share make room."""
        if self._cluster.is_joined:
            memory = {"memory": needs.memory_bytes} if needs.memory_bytes else {}
            share = {"num_cpus": needs.num_cpus, "num_gpus": needs.num_gpus, **memory}
        else:
            refuse_gpu_share(needs.num_gpus, self._cluster.resources().get("GPU", 0.0))
            share = {"num_cpus": 1.0, "num_gpus": needs.num_gpus}
        if share != self._share:
            self._end_all(self._workers)
        self._share = share

    def _no_room(self, needs: Needs) -> UsageError:
        gpus = f", {needs.num_gpus:g} GPU" if needs.num_gpus else ""
        wanted = f"{needs.num_cpus:g} CPU{gpus} and {needs.memory_bytes / 2**30:.1f} GiB"
        has = self._cluster.resources()
        there = f"{has.get('CPU', 0):g} CPU, {has.get('GPU', 0):g} GPU and {has.get('memory', 0) / 2**30:.1f} GiB"
        return UsageError(
            f"the Ray cluster had no room for a worker in {PATIENCE_S / 60:.0f} minutes: each needs {wanted} on one "
            f"node, and all nodes together have {there}. `ray status` tells what its autoscaler is waiting for."
        )


def refuse_gpu_share(share: float, num_gpus: float) -> None:
    """Raise UsageError for a share of a GPU that this machine has not, or that Ray cannot deal out."""
    if share > 1.0 and share != int(share):
        raise UsageError(f"--gpus-per-worker {share:g}: above 1 it must be a whole number.")
    if share > num_gpus:
        raise UsageError(
            f"--gpus-per-worker {share:g}: Ray knows of {num_gpus:g} GPUs, so no worker could start. "
            "Leave the option out to run without them; `humandata doctor` says whether torch sees a GPU."
        )


def _lacking(worker: _Worker, trouble: str) -> MissingDependencyError:
    return MissingDependencyError(
        f"{worker.name} cannot start: {trouble}\nEvery node of the cluster needs the packages and the model files that "
        "this one has: `humandata doctor` there tells what is missing."
    )


def _cause(error: Exception) -> str:
    """What tells most of Ray's long messages, in a line."""
    if "Worker exit detail" in str(error):
        return "it crashed or was killed, as the system does where memory is short"
    return str(error).strip().splitlines()[-1].strip()
