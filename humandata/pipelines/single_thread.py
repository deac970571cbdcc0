"""One thread for each worker: as many workers as cores then use each core once, and sums add up in the same order.

The order matters: matrix products of several threads differ in the last digit, and so would the shards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def single_thread() -> Iterator[None]:
    """Linear algebra and OpenCV use one thread each, until the context ends."""
    import cv2
    import scipy.linalg  # noqa: F401  # brings a linear algebra of its own, which is limited only once it is loaded
    from threadpoolctl import threadpool_limits

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        cv2.setNumThreads(before)
