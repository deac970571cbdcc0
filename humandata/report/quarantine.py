"""`humandata quarantine`: which inputs failed, why, and how often they were tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from humandata.dataset.records import QuarantineRecord, quarantine_path, read_quarantine, write_record
from humandata.errors import UsageError, unknown_name
from humandata.report.console import count, print_json, print_line, print_table
from humandata.storage import folders_in, is_remote


def find_quarantined(path: Path) -> Iterator[tuple[Path, QuarantineRecord]]:
    """The failed inputs of a source, or of every source in a shard folder, with the folder of the source."""
    if not is_remote(path) and not path.is_dir():
        raise UsageError(f"{path}: no such folder. Name a shard folder, or a source in it.")
    folders = folders_in(path)
    for source in [path] if path / "quarantine" in folders else folders:
        for record in read_quarantine(source):
            yield source, record


def print_quarantine(path: Path, as_json: bool) -> None:
    """List what failed, one line an input."""
    found = list(find_quarantined(path))
    if as_json:
        print_json([{"source": str(source), **record.model_dump(mode="json")} for source, record in found])
        return
    if not found:
        print_line("nothing is in quarantine.")
        return
    print_table(
        "in quarantine",
        ["source", "input", "stage", "tried", "next run", "error"],
        [
            [
                source.name,
                record.input,
                record.stage,
                record.attempts,
                "leaves it" if record.given_up else "tries it",
                record.error.splitlines()[0],
            ]
            for source, record in found
        ],
    )


def explain_quarantined(source: Path, input_name: str) -> None:
    """Print all that is known of one failure; raises UsageError where the input is not in quarantine."""
    [record] = _named(source, [input_name])
    print_line(f"input    {record.input}\nstage    {record.stage}\ntried    {count(record.attempts, 'time')}")
    print_line(f"version  {record.tool_version}\nerror    {record.error}")
    if record.log:
        print_line("last lines of its log:\n" + "\n".join(f"  {line}" for line in record.log))


def allow_again(path: Path, input_names: Sequence[str]) -> int:
    """Forget how often inputs were tried, so that the next run tries them; returns how many. All, where none is named.

    Raises UsageError where a name is not in quarantine.
    """
    chosen = [(path, record) for record in _named(path, input_names)] if input_names else list(find_quarantined(path))
    for source, record in chosen:
        write_record(quarantine_path(source, record.input), record.model_copy(update={"attempts": 0}))
    return len(chosen)


def print_allowed_again(path: Path, input_names: Sequence[str]) -> None:
    """Do what `allow_again` does, and say how many inputs it is."""
    num = allow_again(path, input_names)
    if num:
        print_line(f"{count(num, 'input')} will be tried again when the command that failed is run again.")
    else:
        print_line("nothing is in quarantine.")


def _named(source: Path, input_names: Sequence[str]) -> list[QuarantineRecord]:
    records = {record.input: record for _, record in find_quarantined(source)}
    for name in input_names:
        if name not in records:
            raise unknown_name("input in quarantine", name, records)
    return [records[name] for name in input_names]
