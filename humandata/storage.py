"""Files on object stores, `s3://bucket/key` and `gs://bucket/key`, through pyarrow's file systems.

    shards = Store.at(Path("s3://bucket/shards/videos"))   # a folder there
    shards.list("data/")                                   # {"data/0f….parquet": Stored(size_bytes, mtime_ns), …}
    shards.read("source.json"); shards.read_range("data/0f….parquet", start, length)          # bytes
    pq.ParquetFile(shards.open("data/0f….parquet")).read(["timestamp_ns"])    # each read is a request of a range
    shards.download("data/0f….parquet", path)              # the SHA-256 of what came; `download_ranges` for parts
    shards.write("a.json", content); shards.upload("data/0f….parquet", path); shards.delete("a.json")

A `Store` is a value: it pickles, and every process opens its own connection. An object appears whole or not at all. A
`Path` made of such a URL has lost a slash (`s3:/bucket/key`) and is understood nevertheless, so a command's argument
may be either kind, and `path / name` goes on working.

Credentials, region and endpoint are those of the ordinary variables and files (`AWS_ACCESS_KEY_ID`, `AWS_PROFILE`,
`AWS_REGION`, `AWS_ENDPOINT_URL`, `~/.aws`, the machine's role; `GOOGLE_APPLICATION_CREDENTIALS`), or of pyarrow's
options behind a question mark: `s3://bucket/key?region=eu-west-1&scheme=http&endpoint_override=localhost:9000`.
"""

from __future__ import annotations

import builtins
import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from humandata.errors import InputError, StorageError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.fs import FileSystem

BLOCK_BYTES = 8 << 20
"""Of a download: large enough that the time between requests does not count."""

_URL = re.compile(r"(s3|gs):/{1,2}([^/?]+)((?:/[^?]*)?)(?:\?([^/]*)(.*))?", re.DOTALL)
_PATH_ON_STORE = re.compile(r"(?<![\w./])(s3|gs):/(?=[^/\s])")
_OPTIONS = {"s3": "allow_delayed_open=true", "gs": "retry_limit_seconds=60"}
"""Of pyarrow: one request for a small object instead of three; a minute instead of a quarter of an hour for retries."""

_REASONS = {
    "NO_SUCH_BUCKET": "there is no such bucket",
    "NETWORK_CONNECTION": "the store does not answer; look at the network, the region and AWS_ENDPOINT_URL",
    "ACCESS_DENIED": "access is denied: the credentials do not allow it, or there are none",
    "PERMISSION_DENIED": "access is denied: the credentials do not allow it, or there are none",
    "UNAUTHENTICATED": "there are no valid credentials",
    "INVALID_ACCESS_KEY_ID": "the store does not know these credentials",
    "SIGNATURE_DOES_NOT_MATCH": "the store does not know these credentials",
}


@dataclass(frozen=True)
class Stored:
    """An object as a listing tells of it."""

    size_bytes: int
    mtime_ns: int
    """When it was written, by the store's clock."""


@dataclass(frozen=True)
class Store:
    """A folder on an object store.

    Its methods take names below it. They raise InputError where there is no such object, and StorageError where the
    store cannot be reached or refuses.
    """

    url: str

    @classmethod
    def at(cls, path: Path | str) -> Store:
        """The store that a path names; raises UsageError where it names a place on this machine."""
        match = _URL.fullmatch(str(path))
        if match is None:
            raise UsageError(f"{path}: not on an object store (s3://bucket/key, gs://bucket/key).")
        scheme, bucket, before, options, after = match.groups()
        key = (before + (after or "")).rstrip("/")
        return cls(f"{scheme}://{bucket}{key}" + (f"?{options}" if options else ""))

    def __truediv__(self, name: str) -> Store:
        """A folder below this one."""
        address, _, options = self.url.partition("?")
        return Store(f"{address}/{name}" + (f"?{options}" if options else ""))

    def list(self, below: str = "") -> dict[str, Stored]:
        """Every object whose name begins with the folder `below`, by name; none where there is no such folder."""
        from pyarrow.fs import FileSelector, FileType

        system, root = self._open()
        try:
            with self._telling(below):
                found = system.get_file_info(FileSelector(f"{root}/{below}".rstrip("/"), recursive=True))
        except InputError:
            return {}
        return {
            info.path[len(root) + 1 :]: Stored(info.size, info.mtime_ns)
            for info in sorted(found, key=lambda info: info.path)
            if info.type == FileType.File
        }

    def folders(self) -> builtins.list[str]:
        """Names of the folders right below this one; none where there is no such folder."""
        from pyarrow.fs import FileSelector, FileType

        system, root = self._open()
        try:
            with self._telling(""):
                found = system.get_file_info(FileSelector(root, recursive=False))
        except InputError:
            return []
        return sorted(info.base_name for info in found if info.type == FileType.Directory)

    def stat(self, name: str) -> Stored | None:
        """Size and time of an object, None where there is none."""
        from pyarrow.fs import FileType

        system, root = self._open()
        with self._telling(name):
            info = system.get_file_info(f"{root}/{name}")
        return Stored(info.size, info.mtime_ns) if info.type == FileType.File else None

    def open(self, name: str) -> pa.NativeFile:
        """An object to read at random; what is not read is not fetched. Reading may raise OSError."""
        system, root = self._open()
        with self._telling(name):
            return system.open_input_file(f"{root}/{name}")

    def read(self, name: str) -> bytes:
        """The content of an object."""
        with self._telling(name), self.open(name) as file:
            return bytes(file.read())

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Bytes of an object from `start`, fewer where it ends before."""
        with self._telling(name), self.open(name) as file:
            return bytes(file.read_at(length, start))

    def download(self, name: str, path: Path) -> str:
        """Copy an object into a file that is on this machine and return its SHA-256, read in one pass."""
        digest = hashlib.sha256()
        with self._telling(name), path.open("wb") as copy:
            for block in self.blocks(name):
                digest.update(block)
                copy.write(block)
        return digest.hexdigest()

    def blocks(self, name: str) -> Iterator[bytes]:
        """The content of an object, one block after the other."""
        with self._telling(name), self.open(name) as file:
            while block := file.read(BLOCK_BYTES):
                yield block

    def download_ranges(self, name: str, path: Path, ranges: Iterable[tuple[int, int]]) -> None:
        """Make a file of an object's size that holds these half-open ranges of it, and zeros that take no room."""
        with self._telling(name), self.open(name) as file, path.open("r+b" if path.exists() else "wb") as copy:
            size = file.size()
            copy.truncate(size)
            for start, end in ranges:
                copy.seek(max(start, 0))
                copy.write(file.read_at(min(end, size) - max(start, 0), max(start, 0)))

    def write(self, name: str, content: bytes) -> None:
        """Write an object; it takes the place of an earlier one in one step."""
        system, root = self._open()
        with self._telling(name), system.open_output_stream(f"{root}/{name}") as stream:
            stream.write(content)

    def upload(self, name: str, path: Path) -> None:
        """Write a file's content as an object."""
        system, root = self._open()
        with self._telling(name), path.open("rb") as file, system.open_output_stream(f"{root}/{name}") as stream:
            while block := file.read(BLOCK_BYTES):
                stream.write(block)

    def delete(self, name: str) -> None:
        """Remove an object, if it is there."""
        system, root = self._open()
        try:
            with self._telling(name):
                system.delete_file(f"{root}/{name}")
        except InputError:
            return

    def _open(self) -> tuple[FileSystem, str]:
        """The file system, and this folder's path in it."""
        address, _, options = self.url.partition("?")
        scheme, _, path = address.partition("://")
        with self._telling(""):
            return _file_system(f"{scheme}://{path.split('/')[0]}", options, os.getpid()), path

    @contextmanager
    def _telling(self, name: str) -> Iterator[None]:
        """Say in words what Arrow says of an object."""
        try:
            yield
        except FileNotFoundError as failure:
            if failure.filename is not None:  # it is a file on this machine that is missing
                raise
            raise InputError(f"{self._name(name)}: there is no such object.") from None
        except (OSError, ValueError) as failure:
            _refuse(self._name(name), failure)

    def _name(self, name: str) -> str:
        address = self.url.partition("?")[0]
        return f"{address}/{name}" if name else address


def is_remote(path: Path | str) -> bool:
    """Whether a path, or the text of one, names a place on an object store."""
    return _URL.fullmatch(str(path)) is not None


def with_urls(text: str) -> str:
    """A text for a person, in which a `Path` on a store has the slash again that it lost."""
    return _PATH_ON_STORE.sub(r"\1://", text)


def exists(path: Path) -> bool:
    """Whether there is a file, here or on an object store."""
    return Store.at(path.parent).stat(path.name) is not None if is_remote(path) else path.exists()


def read_bytes(path: Path) -> bytes:
    """The content of a file, here or on an object store."""
    return Store.at(path.parent).read(path.name) if is_remote(path) else path.read_bytes()


def folders_in(folder: Path) -> list[Path]:
    """The folders in a folder, here or on an object store, in order of name."""
    if is_remote(folder):
        return [folder / name for name in Store.at(folder).folders()]
    return sorted(path for path in folder.glob("*") if path.is_dir())


def paths_in(folder: Path, ending: str) -> list[Path]:
    """The files of a folder, here or on an object store, whose names end so; in order of name."""
    names = Store.at(folder).list() if is_remote(folder) else [path.name for path in folder.glob("*")]
    return [folder / name for name in sorted(names) if name.endswith(ending)]


@lru_cache(maxsize=64)
def _file_system(bucket_url: str, options: str, pid: int) -> FileSystem:
    """One connection a bucket and process: what a forked process inherited would not work there."""
    del pid
    from pyarrow.fs import FileSystem

    defaults = _OPTIONS[bucket_url.partition(":")[0]]
    system, _ = FileSystem.from_uri(f"{bucket_url}?{'&'.join(filter(None, (options, defaults)))}")
    return system


def _refuse(name: str, failure: Exception) -> NoReturn:
    if getattr(failure, "errno", None) is not None and getattr(failure, "filename", None) is not None:
        raise failure  # of the file on this machine
    text = str(failure).strip().splitlines()[0]
    reason = next((reason for code, reason in _REASONS.items() if code in text), text)
    raise StorageError(f"{name}: {reason}.") from None
