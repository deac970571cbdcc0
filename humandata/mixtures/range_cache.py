"""Parts of files on object stores, fetched side by side and kept on this machine up to a bound."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from humandata.cache import cache_folder
from humandata.storage import Store

CACHE_BYTES_VARIABLE = "HUMANDATA_CACHE_BYTES"
DEFAULT_CACHE_BYTES = 20 << 30
_AT_ONCE = 16
"""Requests on the way: a store answers one in tens of milliseconds, however small."""
_SLACK = 16
"""The cache is looked through whenever a process has added one part in so many."""


@dataclass(frozen=True)
class Range:
    """Bytes of a file on a store."""

    path: str
    offset: int
    length: int
    version: str
    """Of the file's content: another one is another entry."""


class RangeCache:
    """A folder of ranges, shared by the processes that use it; what was used longest ago goes first.

    It holds `max_bytes`, and at most a sixteenth more for each process that adds to it.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int | None = None) -> None:
        """In the cache folder, and as large as HUMANDATA_CACHE_BYTES says, where nothing else is given."""
        told = os.environ.get(CACHE_BYTES_VARIABLE, "")
        self.folder = folder or cache_folder() / "ranges"
        self.max_bytes = max_bytes or (int(told) if told.isdigit() else DEFAULT_CACHE_BYTES)
        self._added = 0

    def read(self, ranges: Sequence[Range]) -> list[bytes]:
        """Their bytes, each fetched once; InputError or StorageError where the store has or gives none."""
        kept = {wanted: self._kept(wanted) for wanted in dict.fromkeys(ranges)}
        missing = [wanted for wanted, content in kept.items() if content is None]
        for wanted, fetched in zip(missing, self._pool.map(_fetch, missing), strict=True):
            kept[wanted] = fetched
            self._keep(wanted, fetched)
        return [content for wanted in ranges if (content := kept[wanted]) is not None]

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """Made where it is used: threads do not outlive a fork."""
        return ThreadPoolExecutor(_AT_ONCE)

    def _file(self, wanted: Range) -> Path:
        name = hashlib.sha256(f"{wanted.version} {wanted.path} {wanted.offset} {wanted.length}".encode()).hexdigest()
        return self.folder / name[:2] / name

    def _kept(self, wanted: Range) -> bytes | None:
        path = self._file(wanted)
        try:
            content = path.read_bytes()
            os.utime(path)  # the time of its last use, by which it is kept
        except OSError:  # never there, or another process has just removed it
            return None
        return content if len(content) == wanted.length else None

    def _keep(self, wanted: Range, content: bytes) -> None:
        path = self._file(wanted)
        temporary = path.with_suffix(f".{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(content)
            temporary.replace(path)
        except OSError:
            return  # a full disk costs speed, not the training
        self._added += len(content)
        if self._added > self.max_bytes // _SLACK:
            self._added = 0
            self._evict()

    def _evict(self) -> None:
        """Remove what was used longest ago until the bound holds."""
        entries = []
        for path in self.folder.glob("??/*"):
            try:
                status = path.stat()
            except OSError:
                continue
            entries.append((status.st_mtime_ns, status.st_size, path))
        excess = sum(size for _, size, _ in entries) - self.max_bytes
        for _, size, path in sorted(entries):
            if excess <= 0:
                return
            path.unlink(missing_ok=True)
            excess -= size


def _fetch(wanted: Range) -> bytes:
    path = Path(wanted.path)
    return Store.at(path.parent).read_range(path.name, wanted.offset, wanted.length)
