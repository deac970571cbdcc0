"""What is known of each input: `inputs/<key>.json` once it is finished, `quarantine/<key>.json` where it failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from humandata.dataset.files import write_atomically
from humandata.dataset.identity import input_key
from humandata.errors import DatasetError
from humandata.schemas.documents import Document, canonical_json, read_document
from humandata.storage import Store, is_remote, paths_in


class InputRecord(Document):
    """A finished input. It is written after the step files it lists, so that its presence proves them whole."""

    input: str
    input_sha256: str
    size_bytes: int
    mtime_ns: int
    recipe_sha256: str
    tool_version: str
    episodes: tuple[dict[str, Any], ...]
    rejected: tuple[dict[str, Any], ...]
    files: dict[str, str]
    cameras: tuple[str, ...] = ()
    """The image columns of its step files; empty where there are none, or an earlier version wrote the record."""
    figures: dict[str, float] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()


MAX_FAILED_RUNS = 3
"""How many runs try an input that fails each time; `humandata quarantine retry`, another recipe or input allow more."""


class QuarantineRecord(Document):
    """An input that failed, and where; later runs try it again, up to `MAX_FAILED_RUNS` times."""

    input: str
    stage: str
    error: str
    log: tuple[str, ...] = ()
    attempts: int
    recipe_sha256: str = ""
    stamp: tuple[int, int] | None = None
    """Size in bytes and modification time in ns of the input when it failed, where it could be told."""
    tool_version: str

    @property
    def given_up(self) -> bool:
        """Whether the next run leaves it alone, unless the input, recipe or version is another."""
        return self.attempts >= MAX_FAILED_RUNS


def record_path(source: Path, input_name: str) -> Path:
    """Where the record of a finished input lies."""
    return source / "inputs" / f"{input_key(input_name)}.json"


def quarantine_path(source: Path, input_name: str) -> Path:
    """Where the record of a failed input lies."""
    return source / "quarantine" / f"{input_key(input_name)}.json"


def write_record(path: Path, record: Document) -> None:
    """Write a record atomically, in one spelling; here or on an object store."""
    content = canonical_json(record.model_dump(mode="json")).encode() + b"\n"
    if is_remote(path):
        Store.at(path.parent).write(path.name, content)
    else:
        write_atomically(path, content)


def read_records(source: Path) -> list[InputRecord]:
    """Every finished input of a source, in order of its name."""
    records = [read_document(InputRecord, path, DatasetError) for path in paths_in(source / "inputs", ".json")]
    return sorted(records, key=lambda record: record.input)


def read_quarantine(source: Path) -> list[QuarantineRecord]:
    """Every failed input of a source, in order of its name."""
    records = [read_document(QuarantineRecord, path, DatasetError) for path in paths_in(source / "quarantine", ".json")]
    return sorted(records, key=lambda record: record.input)
