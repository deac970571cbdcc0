"""Running a stage in processes of this machine: started in about a second, replaced when they die.

A worker is a fresh interpreter that is told its stage and items through a socket, so that it imports nothing of the
calling script, which then needs no `if __name__ == "__main__"`.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import socket
import subprocess
import sys
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import IO, Any, Generic

from humandata.pipelines.stage import LAST_LOG_LINES, MAX_ATTEMPTS, ItemT, Outcome, ResultT, Stage


def run_in_processes(
    stage: Stage[ItemT, ResultT], items: Sequence[ItemT], num_workers: int
) -> Generator[Outcome[ItemT, ResultT]]:
    """Outcomes as they finish, in any order, from `num_workers` processes or fewer.

    A worker that dies is replaced and its item tried again, `MAX_ATTEMPTS` times in all. The workers end when the
    iterator is closed, and when this process dies.
    """
    waiting = [(item, 1) for item in reversed(items)]
    workers: list[_Worker[ItemT]] = []
    try:
        while waiting or any(worker.task for worker in workers):
            while waiting and len(workers) < num_workers:
                workers.append(_Worker(stage))
            for worker in workers:
                if waiting and worker.task is None:
                    worker.give(*waiting.pop())
            ready = wait([worker.connection for worker in workers if worker.task])
            for worker in [each for each in workers if each.connection in ready]:
                assert worker.task is not None
                item, attempt_number = worker.task
                try:
                    outcome = worker.take()
                except (EOFError, OSError):
                    workers.remove(worker)
                    cause, log = worker.end()
                    if attempt_number < MAX_ATTEMPTS:
                        waiting.append((item, attempt_number + 1))
                        continue
                    outcome = Outcome(item, None, f"its worker died {MAX_ATTEMPTS} times ({cause})", log)
                yield outcome
    finally:
        for worker in workers:
            worker.end()


@dataclass(eq=False)
class _Worker(Generic[ItemT]):
    """A process that holds a stage, and what it is doing."""

    task: tuple[ItemT, int] | None

    def __init__(self, stage: Stage[ItemT, Any]) -> None:
        ours, theirs = socket.socketpair()
        self.task = None
        self._log: IO[bytes] = tempfile.TemporaryFile(prefix="humandata-")  # noqa: SIM115  # closed by `end`
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            # One thread each: there is a worker for every core.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        with theirs:
            # In a session of its own: Ctrl-C is for the driver, which then ends the workers.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "humandata.pipelines.process_worker", str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self.connection = Connection(ours.detach())
        self._send(stage)

    def give(self, item: ItemT, attempt_number: int) -> None:
        """Let the process work on an item."""
        self.task = (item, attempt_number)
        self._send(item)

    def take(self) -> Outcome[ItemT, Any]:
        """What became of the item; raises EOFError where the process has died."""
        outcome: Outcome[ItemT, Any] = pickle.loads(self.connection.recv_bytes())  # noqa: S301  # our own process
        self.task = None
        return outcome

    def end(self) -> tuple[str, tuple[str, ...]]:
        """Kill the process; how it had ended before, and the last lines it wrote."""
        try:
            code: int | None = self._process.wait(timeout=0.5 if self.task else 0.0)
        except subprocess.TimeoutExpired:
            code = None
            self._process.kill()
            self._process.wait()
        self.connection.close()
        self._log.seek(0)
        lines = self._log.read()[-4000:].decode(errors="replace").strip().splitlines()[-LAST_LOG_LINES:]
        self._log.close()
        told = "no answer" if code is None else f"signal {-code}" if code < 0 else f"exit code {code}"
        return told, tuple(lines)

    def _send(self, value: object) -> None:
        with contextlib.suppress(OSError):  # it has died, which `take` will find
            self.connection.send_bytes(pickle.dumps(value))
