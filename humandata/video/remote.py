"""Videos on an object store: found through a mirror, read through copies of them that last as long as they are used."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from humandata.errors import HumandataError, UsageError
from humandata.mirror import Mirror, fetch
from humandata.storage import Store, Stored, is_remote
from humandata.video.parts import Ranges

ENDS_BYTES = 8 << 20
"""Of a video's start and of its end: an MP4's index lies in either (2 MB an hour), its first seconds in the start."""

_MAX_SIDECAR_BYTES = 1 << 20


@dataclass(frozen=True)
class RemoteFiles:
    """Files on a store that belong together, by name below a folder."""

    store: Store
    files: tuple[tuple[str, Stored], ...]


def mirror_videos(paths: Sequence[Path]) -> tuple[list[Path], dict[Path, Mirror]]:
    """The paths, with a mirror in the place of what is on a store; and the mirrors by their own path.

    Of the files in a mirror the sidecars are real. Raises UsageError where there is no such folder or video.
    """
    places: list[Path] = []
    mirrors: dict[Path, Mirror] = {}
    for path in paths:
        if not is_remote(path):
            places.append(path)
            continue
        store = Store.at(path)
        folder, name = _split(store)
        is_file = name is not None and folder.stat(name) is not None
        mirror = Mirror.of(folder if is_file else store)
        mirror.pull(lambda name, stored: name.endswith(".json") and stored.size_bytes <= _MAX_SIDECAR_BYTES)
        if not mirror.path.is_dir():
            raise UsageError(f"{store.url}: no such folder or file")
        places.append(mirror.path / name if is_file and name is not None else mirror.path)
        mirrors[mirror.path] = mirror
    return places, mirrors


def remote_files(mirror: Mirror, paths: Sequence[Path]) -> RemoteFiles:
    """What the stand-ins at these paths of a mirror stand for."""
    stats = [(path.relative_to(mirror.path).as_posix(), path.stat()) for path in paths]
    return RemoteFiles(mirror.store, tuple((name, Stored(stat.st_size, stat.st_mtime_ns)) for name, stat in stats))


@contextmanager
def fetched(remote: RemoteFiles, ranges: Ranges | None = None) -> Iterator[Path]:
    """A temporary folder that holds the files under their names, of the first one only `ranges` where they are given.

    Errors tell of the store instead of the folder.
    """
    with _scratch(remote) as folder:
        for name, stored in remote.files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if ranges is not None and name == remote.files[0][0]:
                remote.store.download_ranges(name, path, ranges)
                os.utime(path, ns=(stored.mtime_ns, stored.mtime_ns))
            else:
                fetch(remote.store, name, path, stored)
        yield folder


@contextmanager
def glimpsed(remote: RemoteFiles) -> Iterator[Path]:
    """The first of the files as far as its two ends tell of it: enough to see what a video is, and how it begins."""
    name, stored = remote.files[0]
    with _scratch(remote) as folder:
        path = folder / PurePosixPath(name).name
        ends = [(0, ENDS_BYTES), (max(ENDS_BYTES, stored.size_bytes - ENDS_BYTES), stored.size_bytes)]
        remote.store.download_ranges(name, path, [(start, end) for start, end in ends if start < end])
        yield path


@contextmanager
def _scratch(remote: RemoteFiles) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="humandata-") as name:
        try:
            yield Path(name)
        except HumandataError as error:
            raise type(error)(str(error).replace(name, remote.store.url)) from None


def _split(store: Store) -> tuple[Store, str | None]:
    """The folder that holds a place on a store, and the place's name in it, None for a bucket."""
    address, mark, options = store.url.partition("?")
    scheme, _, path = address.partition("://")
    folder, slash, name = path.rpartition("/")
    return (Store(f"{scheme}://{folder}{mark}{options}"), name) if slash else (store, None)
