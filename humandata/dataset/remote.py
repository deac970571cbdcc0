"""A source on an object store: who may write it, and in what order it is written.

The driver works on a mirror of the source that holds records and tables; a worker writes the step files of an input as
objects, then its record, so that a record proves its files whole, on a store as on a disk. The tables come after all
records, `source.json` last.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from humandata.dataset.lease import lease
from humandata.dataset.records import InputRecord, quarantine_path, record_path, write_record
from humandata.errors import DatasetError
from humandata.mirror import Mirror
from humandata.schemas.documents import read_document

TABLES = ("episodes.parquet", "rejected.parquet", "source.json")
"""In the order in which they are written."""


def pull_source(mirror: Mirror) -> None:
    """Make the mirror hold every record and table of the source, and a stand-in of each step file."""
    mirror.pull(lambda name, _: not name.startswith("data/"), lambda name: not name.startswith("."))


def push_input(mirror: Mirror, record: InputRecord) -> None:
    """Write an input's step files, which have just been made, then its record; of the files stand-ins stay here."""
    mirror.push(record.files)
    push_record(mirror, record)
    mirror.let_go(record.files)


def push_record(mirror: Mirror, record: InputRecord) -> None:
    """Write an input's record alone, and take that of its failure away."""
    mirror.push([_name(mirror, record_path(mirror.path, record.input))])
    mirror.store.delete(_name(mirror, quarantine_path(mirror.path, record.input)))


def note_input(mirror: Mirror, record: InputRecord) -> None:
    """Let the mirror know of an input that was finished on another machine."""
    path = record_path(mirror.path, record.input)
    if not path.exists() or read_document(InputRecord, path, DatasetError) != record:
        write_record(path, record)
    quarantine_path(mirror.path, record.input).unlink(missing_ok=True)
    (mirror.path / "data").mkdir(exist_ok=True)
    for name in record.files:
        (mirror.path / name).touch()


def push_quarantine(mirror: Mirror) -> None:
    """Write the records of failed inputs that are not there yet."""
    there = mirror.store.list("quarantine/")
    names = [f"quarantine/{path.name}" for path in sorted((mirror.path / "quarantine").glob("*.json"))]
    mirror.push(name for name in names if not mirror.holds(name, there.get(name)))


def push_tables(mirror: Mirror) -> None:
    """Write the tables that changed, `source.json` last, and remove what no record tells of."""
    there = mirror.store.list()
    mirror.push(name for name in TABLES if not mirror.holds(name, there.get(name)))
    for name in there:
        if name.startswith(("data/", "inputs/", "quarantine/")) and not (mirror.path / name).exists():
            mirror.store.delete(name)


@contextmanager
def written_source(mirror: Mirror) -> Iterator[None]:
    """Hold a source on a store while its mirror is worked on, and bring both together before and after.

    Raises UsageError where another job holds it. A job that is interrupted leaves what its workers wrote.
    """
    with lease(mirror.store):
        pull_source(mirror)
        try:
            yield
        finally:
            push_quarantine(mirror)
        push_tables(mirror)


def _name(mirror: Mirror, path: Path) -> str:
    return path.relative_to(mirror.path).as_posix()
