"""Files that appear whole or not at all, and their hashes."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from humandata.errors import cannot_be_written
from humandata.storage import Store, is_remote


def write_atomically(path: Path, content: bytes | Iterable[bytes]) -> str:
    """Write under a temporary name, fsync, rename; returns the SHA-256. OutputError where that is impossible."""
    digest = hashlib.sha256()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for piece in [content] if isinstance(content, bytes) else content:
                    file.write(piece)
                    digest.update(piece)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        _fsync_folder(path.parent)
    except OSError as failure:
        raise cannot_be_written(path, failure) from None
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, here or on an object store, read in blocks."""
    if is_remote(path):
        digest = hashlib.sha256()
        for block in Store.at(path.parent).blocks(path.name):
            digest.update(block)
        return digest.hexdigest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync_folder(folder: Path) -> None:
    """Make a rename durable: the folder's entry reaches the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
