"""Reading what `write` wrote: sources, their tables and their episodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from humandata.dataset.tables import episode_from_table
from humandata.errors import MOST_NAMES, DatasetError, InputError, typed, unknown_name
from humandata.schemas.columns import IMAGE_TYPE, SCHEMA_VERSION
from humandata.schemas.documents import read_document
from humandata.schemas.episode import PRIMARY_CAMERA, Episode
from humandata.schemas.source import Source
from humandata.storage import Store, exists, folders_in, is_remote


@dataclass(frozen=True)
class ShardSource:
    """One source of a shard folder."""

    path: Path
    document: Source

    def episodes(self, columns: Sequence[str] | None = None) -> pa.Table:
        """`EPISODE_COLUMNS`, or some of them, one row an episode, in order of input and start."""
        return _read(self.path / "episodes.parquet", columns)

    def rejected(self) -> pa.Table:
        """`REJECTED_COLUMNS`, one row for each stretch that a filter turned away."""
        return _read(self.path / "rejected.parquet")

    def steps_path(self, episode_id: str) -> Path:
        """The step file of an episode."""
        return Path(self.steps_file(episode_id))

    def steps_file(self, episode_id: str) -> str:
        """The same as text, which is ten times as fast to make: a loader opens thousands of files a second."""
        return f"{self.path}/data/{episode_id}.parquet"

    def read_steps(self, episode_id: str, columns: Sequence[str] | None = None) -> pa.Table:
        """`STEP_COLUMNS` of an episode, or some of them; without `columns`, all of them, images too."""
        return _read(self.steps_path(episode_id), columns)

    def read_episode(self, episode_id: str, images: bool = True) -> Episode:
        """An episode in memory; without `images` its `images` is empty."""
        with _as_written(self.path / "episodes.parquet"):
            table = self.episodes()
            ids = table.column("id").to_pylist()
        if episode_id not in ids:
            raise unknown_name(f"episode of {self.document.name}", episode_id, map(str, ids))
        row = table.slice(ids.index(episode_id), 1).to_pylist(maps_as_pydicts="strict")[0]
        path = self.steps_path(episode_id)
        columns = None if images else [field.name for field in _open(path).schema_arrow if field.type != IMAGE_TYPE]
        with _as_written(path):
            return episode_from_table(row, _read(path, columns))

    def read_images(
        self, episode_id: str, step_indices: Sequence[int], camera: str = PRIMARY_CAMERA
    ) -> list[bytes | None]:
        """Encoded images at some steps of an episode, reading only the row groups they lie in; None where null."""
        file = _open(self.steps_path(episode_id))
        num_rows = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        first_rows = np.concatenate([[0], np.cumsum(num_rows)])
        wanted = np.asarray(step_indices, dtype=np.int64)
        groups = np.searchsorted(first_rows, wanted, side="right") - 1
        images = {
            int(group): file.read_row_group(int(group), [f"{camera}.bytes"]).column(camera).combine_chunks().field(0)
            for group in np.unique(groups)
        }
        return [
            images[int(group)][int(step - first_rows[group])].as_py()
            for group, step in zip(groups, wanted, strict=True)
        ]


def open_source(path: Path) -> ShardSource:
    """The source in a folder; raises DatasetError where it is unfinished, or of a version this tool cannot read."""
    document_path = path / "source.json"
    if not exists(document_path):
        raise _no_source(path)
    document = read_document(Source, document_path, DatasetError)
    if document.schema_version.split(".")[0] != SCHEMA_VERSION.split(".")[0]:
        raise DatasetError(
            f"{path}: written with schema version {document.schema_version}; this version reads {SCHEMA_VERSION}. "
            "Extract or ingest it again, or use the version of humandata that wrote it."
        )
    return ShardSource(path, document)


def find_sources(shards: Path) -> list[ShardSource]:
    """The sources of a shard folder in order of name, or the one source that the folder itself is."""
    if exists(shards / "source.json"):
        return [open_source(shards)]
    sources = [open_source(folder) for folder in folders_in(shards) if exists(folder / "source.json")]
    if not sources:
        raise _no_shards(shards)
    return sources


def _no_source(path: Path) -> DatasetError:
    """A folder of sources was given for a source, or one whose job did not end."""
    sources = [folder for folder in folders_in(path) if exists(folder / "source.json")]
    if sources:
        names = ", ".join(map(str, sources[:MOST_NAMES]))
        return DatasetError(f"{path}: holds no episodes itself, but sources. Name one of them: {names}.")
    return DatasetError(f"{path}: no source.json, so nothing was finished here. Rerun the command that writes it.")


def _no_shards(shards: Path) -> DatasetError:
    """Nothing was ever written here, or a job was interrupted."""
    begun = [
        folder.name
        for folder in (shards, *folders_in(shards))
        if {"inputs", "quarantine"} & {each.name for each in folders_in(folder)}
    ]
    if begun:
        return DatasetError(
            f"{shards}: no finished source here; {', '.join(begun)} was begun. "
            "Run the same `humandata extract` or `humandata ingest` again: it goes on where it was."
        )
    return DatasetError(
        f"{shards}: no shards here. Make some with `humandata extract videos/ --out {typed(shards)}` "
        f"or `humandata ingest DATASET --out {typed(shards)}`."
    )


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in whatever Arrow says of it."""
    try:
        yield
    except (OSError, UnicodeError, pa.ArrowException) as failure:
        reason = str(failure).splitlines()[0]
        raise DatasetError(f"{path}: cannot be read ({reason}). `humandata validate` lists what is wrong.") from None


@contextmanager
def _as_written(path: Path) -> Iterator[None]:
    """Name the table that lacks a column, or holds something else in one."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as failure:
        raise DatasetError(
            f"{path}: not as this version writes it ({failure}). `humandata validate` lists what is wrong."
        ) from failure


def _open(path: Path) -> pq.ParquetFile:
    with _naming(path):
        # Of a file on a store, the ranges to be read are known beforehand and fetched side by side.
        return pq.ParquetFile(_readable(path), pre_buffer=is_remote(path))


def _read(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    file = _open(path)
    with _naming(path):
        return file.read(columns=None if columns is None else list(columns))


def _readable(path: Path) -> Path | pa.NativeFile:
    """What Arrow reads a file from; of one on an object store it asks for what it needs. DatasetError where none is."""
    try:
        return Store.at(path.parent).open(path.name) if is_remote(path) else path
    except InputError as failure:
        raise DatasetError(str(failure)) from None
