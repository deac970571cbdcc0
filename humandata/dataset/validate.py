"""Checks that a source holds what its records say: files, schema, times, rotations, masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from humandata.dataset.files import sha256_file
from humandata.dataset.read import ShardSource
from humandata.errors import DatasetError
from humandata.schemas.columns import EPISODE_COLUMNS, REJECTED_COLUMNS, SCHEMA_VERSION, STEP_COLUMNS, Column
from humandata.schemas.episode import PRIMARY_CAMERA
from humandata.schemas.landmarks import SIDES
from humandata.storage import exists, paths_in

UNIT_TOLERANCE = 1e-6
"""Quaternions are stored as float64 and normalised when written, so their length is 1 to rounding."""

_IMAGE_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")


@dataclass(frozen=True)
class Problem:
    """Something that is wrong, and the file it is wrong in."""

    where: str
    what: str


def validate_source(source: ShardSource, progress: Callable[[], None] = lambda: None) -> Iterator[Problem]:
    """Everything that is wrong with a source, file by file; `progress` is called after each step file."""
    yield from _check_files(source)
    try:
        episodes, rejected = source.episodes(), source.rejected()
    except DatasetError as failure:
        yield Problem(str(source.path), str(failure))
        return
    yield from _check_schema("episodes.parquet", episodes, EPISODE_COLUMNS)
    yield from _check_schema("rejected.parquet", rejected, REJECTED_COLUMNS)
    if episodes.num_rows != source.document.counts.episodes:
        told = source.document.counts.episodes
        yield Problem("source.json", f"counts {told} episodes, episodes.parquet holds {episodes.num_rows}")
    for row in episodes.to_pylist():
        yield from _check_episode(source, row)
        progress()


def _check_files(source: ShardSource) -> Iterator[Problem]:
    listed = source.document.files
    for name, digest in listed.items():
        path = source.path / name
        if not exists(path):
            yield Problem(name, "is missing")
        elif sha256_file(path) != digest:
            yield Problem(name, "has another SHA-256 than source.json says: it was changed or damaged")
    for path in paths_in(source.path / "data", ""):
        if f"data/{path.name}" not in listed:
            yield Problem(f"data/{path.name}", "is not listed in source.json")


def _check_schema(where: str, table: pa.Table, columns: tuple[Column, ...]) -> Iterator[Problem]:
    version = (table.schema.metadata or {}).get(b"humandata_schema_version", b"").decode()
    for column in columns:
        if column.name not in table.column_names:
            if column.nullable and version != SCHEMA_VERSION:  # an earlier minor version did not have it yet
                continue
            yield Problem(where, f"column '{column.name}' is missing")
        elif table.schema.field(column.name).type != column.type:
            found = table.schema.field(column.name).type
            yield Problem(where, f"column '{column.name}' is {found}, expected {column.type}")
        elif not column.nullable and table.column(column.name).null_count:
            yield Problem(where, f"column '{column.name}' has nulls")


def _check_episode(source: ShardSource, row: dict[str, Any]) -> Iterator[Problem]:
    where = f"data/{row['id']}.parquet"
    try:
        table = source.read_steps(row["id"])
    except DatasetError as failure:
        yield Problem(where, str(failure))
        return
    schema_problems = list(_check_schema(where, table, STEP_COLUMNS))
    yield from schema_problems
    if schema_problems:
        return
    if table.num_rows != row["num_steps"]:
        yield Problem(where, f"has {table.num_rows} steps, episodes.parquet says {row['num_steps']}")
    timestamp_ns = table.column("timestamp_ns").to_numpy()
    if (np.diff(timestamp_ns) <= 0).any():
        yield Problem(where, "timestamps do not increase strictly")
    if len(timestamp_ns) and (timestamp_ns[0] != row["start_ns"] or timestamp_ns[-1] + 1 != row["end_ns"]):
        yield Problem(where, "timestamps do not span what episodes.parquet says")
    if row["world_frame"] == "camera" and pc.any(table.column("world_valid")).as_py():
        yield Problem(where, "claims an inertial world, though its world is the moving camera")
    yield from _check_quaternions(where, table)
    for side in SIDES:
        yield from _check_arm(where, table, side)
    heads = ((image["bytes"] or b"")[:8] for image in table.column(PRIMARY_CAMERA).to_pylist())
    if not all(head.startswith(_IMAGE_HEADS) for head in heads):
        yield Problem(where, "holds an image that is neither JPEG nor PNG")


def _check_quaternions(where: str, table: pa.Table) -> Iterator[Problem]:
    for name in (name for name in table.column_names if name.endswith("_wxyz")):
        wxyz = np.array(table.column(name).drop_null().to_pylist(), dtype=np.float64).reshape(-1, 4)
        if (np.abs(np.linalg.norm(wxyz, axis=1) - 1.0) > UNIT_TOLERANCE).any():
            yield Problem(where, f"{name}: a quaternion is not of unit length")
        elif (wxyz[:, 0] < 0).any():
            yield Problem(where, f"{name}: a quaternion has w < 0")


def _check_arm(where: str, table: pa.Table, side: str) -> Iterator[Problem]:
    valid = table.column(f"{side}_valid").to_numpy()
    for name in (f"{side}_ee_position", f"{side}_ee_wxyz"):
        known = table.column(name).is_valid().to_numpy()
        if (valid & ~known).any():
            yield Problem(where, f"{name}: null at a step where {side}_valid is true")
        if (known & ~valid).any():
            yield Problem(where, f"{name}: a number at a step where {side}_valid is false")
    if (table.column(f"{side}_interpolated").to_numpy() & ~valid).any():
        yield Problem(where, f"{side}_interpolated is true at a step that is not valid")
    for name in (f"{side}_gripper_opening", f"{side}_confidence"):
        values = table.column(name).drop_null().to_numpy()
        if ((values < 0) | (values > 1)).any():
            yield Problem(where, f"{name}: outside [0, 1]")
