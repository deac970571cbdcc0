"""Holding a folder on an object store, where there are no locks: each job leaves an object that says it is alive."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from uuid import uuid4

from pydantic import ValidationError

from humandata.errors import InputError, StorageError, UsageError
from humandata.schemas.documents import Document
from humandata.storage import Store

LEASE_S = 120.0
"""A job that has not been heard of for so long no longer holds its folder."""
BEAT_S = 20.0
_LEASES = ".leases"


class _Claim(Document):
    """What a job's object says."""

    machine: str
    pid: int
    holder: str


_OF_NOBODY_KNOWN = _Claim(machine="", pid=0, holder="another job")
"""Of an object that no job of ours wrote: it counts until it is old."""


@contextmanager
def lease(store: Store) -> Iterator[None]:
    """Hold a folder on a store for one job; raises UsageError where another job does.

    Each job writes an object of its own, rewrites it now and then, and only then looks for others: of two that start at
    once at least one sees the other and gives up, given a store that lists what was written (S3 and Cloud Storage do).
    A job whose object is `LEASE_S` older than ours, by the store's clock, or whose process is gone from this machine,
    holds nothing. A job that was stopped for longer than that and goes on may meet another one; they then write the
    same objects with the same content, since names and content follow from the inputs and the recipe.
    """
    name = f"{_LEASES}/{uuid4().hex}.json"
    me = _Claim(machine=_machine(), pid=os.getpid(), holder=f"process {os.getpid()} on {socket.gethostname()}")
    beat = partial(store.write, name, me.model_dump_json().encode())
    beat()
    try:
        _refuse_others(store, name)
        with _beating(beat):
            yield
    finally:
        with suppress(StorageError):
            store.delete(name)


def _refuse_others(store: Store, mine: str) -> None:
    leases = store.list(f"{_LEASES}/")
    for name, stored in leases.items():
        age_s = (leases[mine].mtime_ns - stored.mtime_ns) / 1e9
        if name == mine:
            continue
        try:
            other = _Claim.model_validate_json(store.read(name))
        except InputError:  # it has ended just now
            continue
        except ValidationError:
            other = _OF_NOBODY_KNOWN
        if age_s > LEASE_S or _is_gone(other):
            store.delete(name)
            continue
        raise UsageError(
            f"{store.url}: {other.holder} is writing this source. Wait for it, or use --name. If it was killed, its "
            f"claim ends {LEASE_S - age_s:.0f} s from now."
        )


def _is_gone(other: _Claim) -> bool:
    """Whether a job was one of this machine, and has ended."""
    return other.machine == _machine() and not Path(f"/proc/{other.pid}").exists()


def _machine() -> str:
    """This boot of this machine, and the numbering of processes that this one is part of."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return uuid4().hex


@contextmanager
def _beating(beat: Callable[[], None]) -> Iterator[None]:
    """Call `beat` now and then; a store that does not answer for a while is no reason to stop."""
    ended = threading.Event()

    def go_on() -> None:
        while not ended.wait(BEAT_S):
            with suppress(StorageError):
                beat()

    thread = threading.Thread(target=go_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
