"""A worker's side of `process_runner`: `python -m humandata.pipelines.process_worker DESCRIPTOR DRIVER_PID`."""

from __future__ import annotations

import ctypes
import os
import pickle
import signal
import sys
from multiprocessing.connection import Connection

from humandata.pipelines.stage import attempt

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Set the stage up, then work on items until there are no more."""
    connection, driver = Connection(int(sys.argv[1])), int(sys.argv[2])
    _die_with(driver)
    _use_one_thread()
    stage = pickle.loads(connection.recv_bytes())  # noqa: S301  # from the driver that started this process
    stage.setup()
    try:
        while True:
            outcome = attempt(stage, pickle.loads(connection.recv_bytes()))  # noqa: S301
            connection.send_bytes(pickle.dumps(outcome))
    except EOFError:
        stage.close()


def _die_with(driver: int) -> None:
    """Be killed when the driver is: a worker that goes on alone would write into a source that nobody holds."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:
        raise SystemExit


def _use_one_thread() -> None:
    import cv2

    cv2.setNumThreads(1)


if __name__ == "__main__":
    main()
