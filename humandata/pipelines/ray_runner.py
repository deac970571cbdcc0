"""Running a stage on Ray actors, on this machine or on a cluster. The only module that imports ray."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from humandata.errors import UsageError
from humandata.pipelines.stage import ItemT, Outcome, ResultT, Stage, attempt

MAX_ATTEMPTS = 3
"""How often an item is tried whose worker dies under it, before the item is held to be at fault."""


def run_on_ray(
    stage: Stage[ItemT, ResultT], items: Sequence[ItemT], num_workers: int, address: str | None
) -> Iterator[Outcome[ItemT, ResultT]]:
    """Outcomes as they finish, in any order. Items and results travel through Ray, so they should be paths and records.

    Each worker is an actor of one CPU. A worker that dies is replaced and its item tried again, `MAX_ATTEMPTS` times.
    """
    if not items:
        return
    # Ray reads these when it is imported and when its processes start.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    _connect(ray, num_workers, address)
    try:
        worker: Any = ray.remote(num_cpus=1, max_restarts=MAX_ATTEMPTS, max_task_retries=0)(_Worker)
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
