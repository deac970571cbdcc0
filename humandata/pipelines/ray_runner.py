"""Running a stage on Ray actors, on this machine or on a cluster. The only module that imports ray."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from humandata.errors import UsageError
from humandata.pipelines.stage import MAX_ATTEMPTS, ItemT, Outcome, ResultT, Stage, attempt


def run_on_ray(
    stage: Stage[ItemT, ResultT], items: Sequence[ItemT], num_workers: int, address: str | None
) -> Iterator[Outcome[ItemT, ResultT]]:
    """Outcomes as they finish, in any order. Items and results travel through Ray, so they should be paths and records.

    Each worker is an actor of one CPU and of as much of a GPU as the stage states. There are no more workers than fit
    on the cluster's GPUs; raises UsageError where none does. A worker that dies is replaced and its item tried again,
    `MAX_ATTEMPTS` times.
    """
    if not items:
        return
    # Ray reads these when it is imported and when its processes start.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    _connect(ray, num_workers, address)
    try:
        gpus: float = ray.cluster_resources().get("GPU", 0.0)  # type: ignore[no-untyped-call]
        num_workers = min(num_workers, workers_that_fit(gpus, stage.num_gpus))
        share: Any = {"num_cpus": 1, "num_gpus": stage.num_gpus}
        worker: Any = ray.remote(max_restarts=MAX_ATTEMPTS, max_task_retries=0, **share)(_Worker)
        idle: list[Any] = [worker.remote(stage) for _ in range(min(num_workers, len(items)))]
        waiting = [(item, 1) for item in reversed(items)]
        running: dict[Any, tuple[Any, ItemT, int]] = {}
        while waiting or running:
            while waiting and idle:
                item, attempt_number = waiting.pop()
                actor = idle.pop()
                running[actor.process.remote(item)] = (actor, item, attempt_number)
            finished, _ = ray.wait(list(running), num_returns=1)
            actor, item, attempt_number = running.pop(finished[0])
            try:
                outcome = ray.get(finished[0])
            except ray.exceptions.RayActorError as error:
                actor = worker.remote(stage)
                if attempt_number < MAX_ATTEMPTS:
                    waiting.append((item, attempt_number + 1))
                    idle.append(actor)
                    continue
                cause = str(error).strip().splitlines()[0]
                outcome = Outcome(item, None, f"its worker died {MAX_ATTEMPTS} times ({cause})")
            idle.append(actor)
            yield outcome
    finally:
        ray.shutdown()


def workers_that_fit(num_gpus: float, gpus_per_worker: float) -> int:
    """How many workers have room on `num_gpus`, each within one GPU where it asks for less than one.

    Raises UsageError where none has, or where Ray cannot deal out such a share: a number above 1 must be whole.
    """
    if gpus_per_worker == 0.0:
        return sys.maxsize
    if gpus_per_worker > 1.0 and gpus_per_worker != int(gpus_per_worker):
        raise UsageError(f"--gpus-per-worker {gpus_per_worker:g}: above 1 it must be a whole number.")
    on_each = int(1.0 / gpus_per_worker + 1e-9)
    fitting = int(num_gpus) * on_each if on_each else int(num_gpus / gpus_per_worker)
    if fitting == 0:
        raise UsageError(
            f"--gpus-per-worker {gpus_per_worker:g}: Ray knows of {num_gpus:g} GPUs, so no worker could start. "
            "Leave the option out to run without them; `humandata doctor` says whether torch sees a GPU."
        )
    return fitting


class _Worker:
    """Holds a stage that is set up, for as long as its process lives."""

    def __init__(self, stage: Stage[Any, Any]) -> None:
        self._stage = stage
        stage.setup()

    def process(self, item: Any) -> Outcome[Any, Any]:
        return attempt(self._stage, item)


def _connect(ray: Any, num_workers: int, address: str | None) -> None:
    """Start Ray on this machine, or join the cluster at `address`; raises UsageError where there is none."""
    # Workers import this very package, also from a checkout that is not installed.
    package_root = str(Path(__file__).resolve().parents[2])
    search_path = os.pathsep.join(filter(None, [package_root, os.environ.get("PYTHONPATH")]))
    common: dict[str, Any] = {
        "logging_level": logging.ERROR,
        "log_to_driver": False,
        "runtime_env": {"env_vars": {"PYTHONPATH": search_path}},
    }
    try:
        if address is None:
            ray.init(address="local", num_cpus=num_workers, include_dashboard=False, **common)
        else:
            ray.init(address=address, **common)
    except (ConnectionError, ValueError) as error:
        raise UsageError(
            f"no Ray cluster answers at '{address}' ({str(error).splitlines()[0]}). Start one with `ray start --head`, "
            "or leave --address out to use this machine."
        ) from None
