"""What the driver does with a source: see what is finished, and gather it into `source.json`, which comes last.

What is on disk then depends only on inputs and recipe: not on the number of workers, the order in which they finish, or
an interruption.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from humandata import __version__
from humandata.dataset.files import write_atomically
from humandata.dataset.identity import content_sha256
from humandata.dataset.records import InputRecord, read_quarantine, read_records, record_path
from humandata.errors import DatasetError, UsageError
from humandata.schemas.columns import EPISODE_COLUMNS, REJECTED_COLUMNS, SCHEMA_VERSION, arrow_schema
from humandata.schemas.documents import read_document
from humandata.schemas.episode import PRIMARY_CAMERA
from humandata.schemas.source import Counts, RecipeRecord, Source


def compile_source(
    source: Path,
    name: str,
    kind: Literal["human_video", "robot_dataset"],
    format_name: str,
    recipe: RecipeRecord,
) -> Source:
    """Gather the records of all finished inputs into `episodes.parquet`, `rejected.parquet` and `source.json`."""
    records = read_records(source)
    _remove_orphans(source, records)
    rows = sorted(
        (row for record in records for row in record.episodes), key=lambda row: (row["input"], row["start_ns"])
    )
    rejected = [row for record in records for row in record.rejected]
    files = {path: digest for record in records for path, digest in record.files.items()}
    tables = {
        "episodes.parquet": pa.Table.from_pylist(_map_rows(rows), schema=arrow_schema(EPISODE_COLUMNS)),
        "rejected.parquet": pa.Table.from_pylist(rejected, schema=arrow_schema(REJECTED_COLUMNS)),
    }
    for path, table in tables.items():
        files[path] = _write_if_changed(source / path, _table_bytes(table))
    document = Source(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        name=name,
        kind=kind,
        format=format_name,
        embodiments=tuple(sorted({row["embodiment"] for row in rows})),
        cameras=_cameras(source, records),
        recipe=recipe,
        counts=Counts(
            inputs=len(records),
            episodes=len(rows),
            steps=sum(row["num_steps"] for row in rows),
            seconds=round(sum(row["end_ns"] - row["start_ns"] for row in rows) / 1e9, 3),
            rejected=len(rejected),
            quarantined=len(read_quarantine(source)),
        ),
        files=dict(sorted(files.items())),
        fingerprint=content_sha256(sorted(files.items())),
    )
    _write_if_changed(source / "source.json", document.model_dump_json(indent=2).encode() + b"\n")
    return document


def finished_record(source: Path, input_name: str, recipe_sha256: str) -> InputRecord | None:
    """The record of an input that this recipe and this version have finished, and whose files are there."""
    path = record_path(source, input_name)
    if not path.exists():
        return None
    record = read_document(InputRecord, path, DatasetError)
    current = record.recipe_sha256 == recipe_sha256 and record.tool_version == __version__
    return record if current and all((source / name).exists() for name in record.files) else None


def refuse_mixed_recipes(source: Path, given: Collection[str], recipe_sha256: str) -> None:
    """Raise UsageError where the source holds inputs of another recipe or version that are not given this time."""
    others = [
        record.input
        for record in read_records(source)
        if record.input not in given and (record.recipe_sha256 != recipe_sha256 or record.tool_version != __version__)
    ]
    if others:
        raise UsageError(
            f"{source}: {len(others)} of its inputs were made by another recipe or version and are not given this time "
            f"(the first is '{others[0]}'). Give all inputs again, or write to another --out or --name."
        )


def _table_bytes(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="ZSTD")
    return bytes(sink.getvalue())


def _write_if_changed(path: Path, content: bytes) -> str:
    """Leave a file alone that already holds this content, so that a rerun touches nothing."""
    if path.exists() and path.read_bytes() == content:
        return hashlib.sha256(content).hexdigest()
    return write_atomically(path, content)


def _map_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Arrow takes a map as a list of pairs."""
    return [{**row, "quality": list(row["quality"].items())} for row in rows]


def _cameras(source: Path, records: Sequence[InputRecord]) -> tuple[str, ...]:
    """The image columns of the source; where a record does not tell, those of one of its step files."""
    names: set[str] = set()
    for record in records:
        names |= set(record.cameras)
        for path in () if record.cameras else list(record.files)[:1]:
            names |= {name for name in pq.read_schema(source / path).names if name.startswith(PRIMARY_CAMERA)}
    return tuple(sorted(names))


def _remove_orphans(source: Path, records: Sequence[InputRecord]) -> None:
    """Remove step files and temporary files that a job killed before its record left behind."""
    listed = {Path(path).name for record in records for path in record.files}
    for path in (source / "data").glob("*"):
        if path.name not in listed:
            path.unlink(missing_ok=True)  # its writer may be ending only now
    for folder in (source, source / "inputs", source / "quarantine"):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)
