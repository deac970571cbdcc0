"""A folder on this machine that stands for one on an object store.

What is small is there as it is; of what is large there is a stand-in that takes no room, of which only name, size and
time are true. So whoever looks for files, sidecars and records needs to know nothing of stores; whoever reads a large
file fetches it first.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from humandata.cache import cache_folder
from humandata.errors import OutputError, StorageError
from humandata.storage import Store, Stored

AT_ONCE = 32
"""Requests on the way: a store answers one in tens of milliseconds, however small."""


@dataclass(frozen=True)
class Mirror:
    """A folder on a store, and the one that stands for it, on each machine under the same path."""

    store: Store
    path: Path

    @classmethod
    def of(cls, store: Store) -> Mirror:
        """The mirror of a store in the cache, which keeps the store's own name."""
        name = PurePosixPath(store.url.partition("?")[0]).name
        cache = os.path.abspath(cache_folder())  # noqa: PTH100  # as `find_videos` makes it, through no links
        return cls(store, Path(cache) / "stores" / hashlib.sha256(store.url.encode()).hexdigest()[:16] / name)

    def pull(self, is_small: Callable[[str, Stored], bool], is_wanted: Callable[[str], bool] = bool) -> None:
        """Make the folder what the store holds now; what is not wanted is left alone on both sides."""
        there = {name: stored for name, stored in self.store.list().items() if is_wanted(name) and _stays_within(name)}
        try:
            for path in sorted(self.path.rglob("*"), reverse=True):
                name = path.relative_to(self.path).as_posix()
                if path.is_file() and is_wanted(name) and name not in there:
                    path.unlink()
            changed = [name for name, stored in there.items() if not _is_same(self.path / name, stored)]
            for folder in {(self.path / name).parent for name in changed}:
                folder.mkdir(parents=True, exist_ok=True)
            small = [name for name in changed if is_small(name, there[name])]
            for name in set(changed) - set(small):
                stand_in(self.path / name, there[name])
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(lambda name: fetch(self.store, name, self.path / name, there[name]), small))
        except OSError as failure:
            raise OutputError(
                f"{failure.filename or self.path}: cannot be written ({failure.strerror}). "
                "Free space, or set HUMANDATA_CACHE to another folder."
            ) from None

    def push(self, names: Iterable[str]) -> None:
        """Write these files as objects, one after the other, and give them the time of those."""
        for name in names:
            self.store.upload(name, self.path / name)
            os.utime(self.path / name, ns=(self._stored(name).mtime_ns,) * 2)

    def let_go(self, names: Iterable[str]) -> None:
        """Leave stand-ins of files that have been pushed."""
        for name in names:
            stand_in(self.path / name, self._stored(name))

    def holds(self, name: str, stored: Stored | None) -> bool:
        """Whether a file is what the store holds."""
        return stored is not None and _is_same(self.path / name, stored)

    def _stored(self, name: str) -> Stored:
        stored = self.store.stat(name)
        if stored is None:
            raise StorageError(f"{self.store.url}/{name}: was removed while it was being written.")
        return stored


def fetch(store: Store, name: str, path: Path, stored: Stored) -> None:
    """An object as a file of its time."""
    store.download(name, path)
    os.utime(path, ns=(stored.mtime_ns, stored.mtime_ns))


def stand_in(path: Path, stored: Stored) -> None:
    """A file of an object's size and time that takes no room."""
    with path.open("wb") as file:
        file.truncate(stored.size_bytes)
    os.utime(path, ns=(stored.mtime_ns, stored.mtime_ns))


def _is_same(path: Path, stored: Stored) -> bool:
    try:
        stat = path.stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) == (stored.size_bytes, stored.mtime_ns)


def _stays_within(name: str) -> bool:
    """Whether an object's name is one that a file may have: a store knows no folders, so `..` may be part of it."""
    return not re.search(r"(^|/)\.{0,2}(/|$)", name) and "\0" not in name
