"""HDF5 files that nobody vouches for: only what lies in the file itself is read.

A link can lead into another file, and a dataset can be stored in one or be assembled from several; none is followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from humandata.arrays import FloatArray
from humandata.errors import InputError

_ROWS_PER_BLOCK = 32
"""Rows read at once where a dataset is not chunked."""


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """The file, open for reading; raises InputError where it is none, or where something in it proves damaged."""
    with _opened(path) as file:
        try:
            yield file
        except (OSError, RuntimeError, KeyError) as failure:  # what h5py raises of a damaged file
            raise InputError(f"{path}: damaged ({failure}).") from None


def _opened(path: Path) -> Any:
    try:
        return h5py.File(path, "r")
    except OSError as failure:
        reason = str(failure)
        if "truncated" in reason:
            reason = "truncated: its recording or copy was cut off"
        elif "signature not found" in reason:
            reason = "not an HDF5 file"
        raise InputError(f"{path}: cannot be opened ({reason}).") from None


def member(group: Any, name: str) -> Any:
    """The group or dataset at a path below `group`; None where it is not there, InputError where it lies elsewhere."""
    current = group
    for part in name.split("/"):
        # The links themselves are asked: h5py's own `in` and `get` would follow them.
        links, key = getattr(current.id, "links", None), part.encode()
        if links is None or not links.exists(key):
            return None
        if links.get_info(key).type != h5py.h5l.TYPE_HARD:
            raise InputError(f"{_where(current)}/{part}: a link to another place; only what lies in the file is read.")
        try:
            current = current[part]
        except (KeyError, OSError, RuntimeError) as failure:
            raise InputError(f"{_where(current)}/{part}: damaged ({failure}).") from None
    if isinstance(current, h5py.Dataset) and (current.is_virtual or current.external):
        raise InputError(f"{_where(current)}: stored in other files; only what lies in the file is read.")
    return current


def read_rows(dataset: Any) -> Iterator[NDArray[Any]]:
    """Blocks of rows (n, ...) of a dataset (T, ...), each as many as lie together in the file."""
    step = dataset.chunks[0] if dataset.chunks else _ROWS_PER_BLOCK
    try:
        for start in range(0, dataset.shape[0], step):
            yield dataset[start : start + step]
    except (OSError, RuntimeError) as failure:
        raise InputError(f"{_where(dataset)}: cannot be read ({failure}).") from None


def read_numbers(dataset: Any) -> FloatArray:
    """All of a dataset of numbers, as float64."""
    blocks = list(read_rows(dataset))
    return np.concatenate(blocks).astype(np.float64) if blocks else np.zeros(dataset.shape)


def read_text(holder: Any, name: str) -> str | None:
    """A text attribute; None where it is absent."""
    value = holder.attrs.get(name)
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None if value is None else str(value)


def _where(node: Any) -> str:
    return f"{node.file.filename}, {node.name}".rstrip("/")
