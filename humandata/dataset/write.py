"""What a worker writes of one input: step files, then the record that proves them whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from humandata import __version__
from humandata.dataset.files import write_atomically
from humandata.dataset.records import InputRecord, QuarantineRecord, quarantine_path, record_path, write_record
from humandata.dataset.tables import episode_row, steps_table
from humandata.errors import DatasetError
from humandata.schemas.documents import read_document
from humandata.schemas.episode import PRIMARY_CAMERA, Episode

STEPS_PER_ROW_GROUP = 8
"""A random read of one image reads a row group's column chunk, so this is the factor by which it reads too much."""


@dataclass(frozen=True)
class InputIdentity:
    """An input as it was when it was read: its name within the source, content, size and modification time."""

    input: str
    input_sha256: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Rejection:
    """A stretch that a filter turned away: a row of `rejected.parquet`."""

    id: str
    task: str | None
    input: str
    start_ns: int
    end_ns: int
    rule: str
    reason: str
    value: float
    limit: float


def write_input(
    source: Path,
    identity: InputIdentity,
    recipe_sha256: str,
    episodes: Iterable[Episode],
    rejected: Sequence[Rejection] = (),
    figures: Mapping[str, float] | None = None,
    warnings: Sequence[str] = (),
) -> InputRecord:
    """Write an input's episodes one after the other, then its record; what an earlier version of it left is removed.

    `rejected`, `figures` and `warnings` are read after the last episode, so the caller may fill them while it makes
    episodes.
    """
    path = record_path(source, identity.input)
    earlier = read_document(InputRecord, path, DatasetError) if path.exists() else None
    rows: list[dict[str, Any]] = []
    cameras: set[str] = set()
    files: dict[str, str] = {}
    for episode in episodes:
        name = f"data/{episode.id}.parquet"
        files[name] = write_atomically(source / name, _steps_bytes(steps_table(episode)))
        rows.append(episode_row(episode))
        cameras |= episode.images.keys()
        del episode  # and its pictures, before the next one is made
    record = InputRecord(
        **asdict(identity),
        recipe_sha256=recipe_sha256,
        tool_version=__version__,
        episodes=tuple(rows),
        rejected=tuple(asdict(each) for each in rejected),
        files=files,
        cameras=tuple(sorted(cameras)),
        figures=dict(figures or {}),
        warnings=tuple(warnings),
    )
    write_record(path, record)
    quarantine_path(source, identity.input).unlink(missing_ok=True)
    for name in set(earlier.files) - set(files) if earlier else ():
        (source / name).unlink(missing_ok=True)
    return record


def quarantine_input(
    source: Path,
    input_name: str,
    stage: str,
    error: str,
    log: Sequence[str] = (),
    recipe_sha256: str = "",
    stamp: tuple[int, int] | None = None,
) -> QuarantineRecord:
    """Write the record of a failed input, counting the runs that tried it as it is, by this recipe and version.

    What an earlier run made of it no longer counts. `stamp` is the input's size in bytes and modification time in ns.
    """
    path = quarantine_path(source, input_name)
    record = QuarantineRecord(
        input=input_name,
        stage=stage,
        error=error,
        log=tuple(log),
        attempts=1,
        recipe_sha256=recipe_sha256,
        stamp=stamp,
        tool_version=__version__,
    )
    earlier = read_document(QuarantineRecord, path, DatasetError) if path.exists() else None
    if earlier is not None and same_circumstances(earlier, recipe_sha256, stamp):
        record = record.model_copy(update={"attempts": earlier.attempts + 1})
    record_path(source, input_name).unlink(missing_ok=True)
    write_record(path, record)
    return record


def same_circumstances(record: QuarantineRecord, recipe_sha256: str, stamp: tuple[int, int] | None) -> bool:
    """Whether an input would be tried just as it was when it failed."""
    return (record.recipe_sha256, record.stamp, record.tool_version) == (recipe_sha256, stamp, __version__)


class _Pieces:
    """A file to Arrow, of which what was written is fetched piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0

    def tell(self) -> int:
        return self._size

    def write(self, data: bytes) -> None:
        self._pieces.append(bytes(data))
        self._size += len(data)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def fetch(self) -> list[bytes]:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return pieces


def _steps_bytes(table: pa.Table) -> Iterator[bytes]:
    """Step rows as Parquet: images as they are, for they are compressed already; numbers with Zstandard.

    In pieces, one row group after the other: the pictures of a minute are 100 MB.
    """
    codec = {path: "NONE" if path.startswith(PRIMARY_CAMERA) else "ZSTD" for path in _leaf_paths(table.schema)}
    pieces = _Pieces()
    with pq.ParquetWriter(
        pieces, table.schema, compression=codec, use_dictionary=False, write_statistics=False
    ) as writer:
        for start in range(0, table.num_rows, STEPS_PER_ROW_GROUP):
            writer.write_table(table.slice(start, STEPS_PER_ROW_GROUP))
            yield from pieces.fetch()
    yield from pieces.fetch()


def _leaf_paths(schema: pa.Schema) -> list[str]:
    paths: list[str] = []
    for field in schema:
        if pa.types.is_struct(field.type):
            paths += [f"{field.name}.{child.name}" for child in field.type]
        elif pa.types.is_fixed_size_list(field.type):
            paths.append(f"{field.name}.list.element")
        else:
            paths.append(field.name)
    return paths
