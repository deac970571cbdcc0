"""Holding a source on a disk: the system's own lock, which ends with its holder. On an object store it is `lease`."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from humandata.errors import UsageError, cannot_be_written


@contextmanager
def source_lock(source: Path) -> Iterator[None]:
    """Hold a source for one job; a second job is told who holds it. Makes the folder.

    The system lets go of the lock when the holder ends, however it ends. Raises UsageError where another job holds the
    source, OutputError where it cannot be written.
    """
    try:
        source.mkdir(parents=True, exist_ok=True)
        lock = (source / ".lock").open("a+")
    except OSError as failure:
        raise cannot_be_written(source, failure) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "another job"
            raise UsageError(f"{source}: {holder} is writing this source. Wait for it, or use --name.") from None
        holder = f"process {os.getpid()} on {socket.gethostname()}, since {datetime.now():%Y-%m-%d %H:%M:%S},"
        try:
            lock.truncate(0)
            os.write(lock.fileno(), holder.encode())
        except OSError as failure:
            raise cannot_be_written(source, failure) from None
        yield
