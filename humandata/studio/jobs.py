"""Doing the same with many things, in as many processes as are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def run_jobs(work: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
    """The results in the order of the jobs; `work` must pickle, for other processes to find it."""
    if workers <= 1 or len(jobs) <= 1:
        yield from map(work, jobs)
        return
    with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), _use_one_thread) as pool:
        try:
            yield from pool.map(work, jobs)
        finally:
            pool.shutdown(cancel_futures=True)


def _use_one_thread() -> None:
    """Each worker is one process on one core."""
    import cv2

    cv2.setNumThreads(1)
