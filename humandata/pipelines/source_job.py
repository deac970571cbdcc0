"""The driver's side of `extract` and `ingest`: inputs in, one finished source out, failures set aside by name."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Literal

from humandata.dataset.attempts import AttemptNote, forget_death, left_behind
from humandata.dataset.compile import compile_source, finished_record, refuse_mixed_recipes
from humandata.dataset.lock import source_lock
from humandata.dataset.read import open_source
from humandata.dataset.records import InputRecord, read_quarantine, read_records
from humandata.dataset.remote import note_input, pull_source, written_source
from humandata.dataset.write import quarantine_input, same_circumstances
from humandata.errors import OutputError, UsageError
from humandata.mirror import Mirror
from humandata.pipelines.job_progress import JobProgress
from humandata.pipelines.runner import Runner
from humandata.pipelines.source_item import InputCheck, ItemT
from humandata.pipelines.stage import Outcome, Stage
from humandata.schemas.source import RecipeRecord, Source
from humandata.storage import Store, is_remote

Work = Callable[[Sequence[ItemT], JobProgress], Iterator[Outcome[ItemT, InputRecord]]]
"""The outcome of each item, as they finish; the progress is told who does what, and what is done in part."""


@dataclass(frozen=True)
class SourceSpec:
    """What source is made, from what kind of input, by which recipe."""

    path: Path
    name: str
    kind: Literal["human_video", "robot_dataset"]
    format: str
    recipe: RecipeRecord
    mirror: Mirror | None = None
    """Where the source is on an object store: `path` is the folder that stands for it."""

    @property
    def place(self) -> Path:
        """Where the source is, for a person to read and to give to a command."""
        return Path(self.mirror.store.url) if self.mirror else self.path


def source_spec(
    out: Path, name: str, kind: Literal["human_video", "robot_dataset"], format_name: str, recipe: RecipeRecord
) -> SourceSpec:
    """The source of that name in a shard folder; of one on an object store, what is there is looked up.

    Raises UsageError where the name is none of a folder: a source lies in the shard folder itself.
    """
    if Path(name).name != name:
        raise UsageError(f"--name {name}: the name of a source is that of one folder, without slashes.")
    if not is_remote(out):
        return SourceSpec(out / name, name, kind, format_name, recipe)
    mirror = Mirror.of(Store.at(out) / name)
    with suppress(UsageError), source_lock(mirror.path):  # a job on this machine that holds it keeps it up to date
        pull_source(mirror)
    return SourceSpec(mirror.path, name, kind, format_name, recipe, mirror)


@dataclass(frozen=True)
class SourcePlan(Generic[ItemT]):
    """A source to be made: its inputs, and those of them that are still to be done."""

    spec: SourceSpec
    items: Sequence[ItemT]
    pending: Sequence[ItemT]


@dataclass(frozen=True)
class SourceSummary:
    """What a job did, for a person to read."""

    path: Path
    document: Source
    num_inputs: int
    num_unchanged: int
    rejections: dict[str, int]
    """How many stretches each filter turned away, over the whole source."""
    failures: dict[str, str]
    """Error by input, of the inputs given this time."""
    given_up: tuple[str, ...]
    """Those of the failures that were not tried this time, having failed too often."""
    warnings: dict[str, tuple[str, ...]]
    """By input, of the inputs done this time."""
    provenance: dict[str, dict[str, int]]
    """How many episodes of the source rest on what, by `intrinsics` and `scale`."""
    figures: dict[str, float]
    """Sums over the whole source, such as `frames` and `frames_with_hands`."""


def pending_items(
    spec: SourceSpec,
    items: Sequence[ItemT],
    check: InputCheck[ItemT],
) -> list[ItemT]:
    """The items that have no record yet by this recipe, or whose input has changed since; not what was given up.

    What failed before comes last: if it ends the whole process this time too, the others are done.
    """
    pending = []
    quarantined = {record.input: record for record in read_quarantine(spec.path)}
    for item in items:
        failed = quarantined.get(item.input)
        if failed is not None and failed.given_up and same_circumstances(failed, spec.recipe.sha256, check.stamp(item)):
            continue
        record = finished_record(spec.path, item.input, spec.recipe.sha256)
        if record is None or not check.is_unchanged(item, record):
            pending.append(item)
    return sorted(pending, key=lambda item: item.input in quarantined)


def in_one_stage(stage: Stage[ItemT, InputRecord], runner: Runner) -> Work[ItemT]:
    """Work that one stage does from beginning to end."""
    return lambda items, progress: runner.run(stage, items, progress.watch)


def run_source_job(
    spec: SourceSpec,
    items: Sequence[ItemT],
    check: InputCheck[ItemT],
    name: str,
    work: Work[ItemT],
) -> SourceSummary:
    """Do what is pending by `work`, called `name`, set failures aside in `quarantine/`, and compile the source.

    A job that is interrupted keeps every finished input. Raises UsageError where another job holds the folder, or it
    holds inputs of another recipe that are not given; OutputError where the disk is full or the folder cannot be
    written, at the start or later, which is no fault of the inputs.
    """
    with _held(spec):
        refuse_mixed_recipes(spec.path, {item.input for item in items}, spec.recipe.sha256)
        pending = pending_items(spec, items, check)
        if _count_death(spec, name, pending, check):
            pending = pending_items(spec, items, check)
        num_done = len(items) - len(pending)
        warnings: dict[str, tuple[str, ...]] = {}
        try:
            with closing(_work(spec, name, work, pending, num_done, check)) as outcomes:
                for outcome in outcomes:
                    if outcome.result is None:
                        _set_aside(spec, name, outcome, check.stamp(outcome.item))
                    else:
                        warnings |= _noted(spec, outcome.result)
                    num_done += 1
            document = compile_source(spec.path, spec.name, spec.kind, spec.format, spec.recipe)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(
                f"{num_done} of {len(items)} inputs are done and kept in {spec.place}; "
                "run the same command again to go on."
            ) from None
    return _summarise(spec, document, {item.input for item in items}, {item.input for item in pending}, warnings)


def _summarise(
    spec: SourceSpec, document: Source, given: set[str], tried: set[str], warnings: dict[str, tuple[str, ...]]
) -> SourceSummary:
    """What a job that was given these inputs, and tried some of them, has made of the source."""
    failed = [record for record in read_quarantine(spec.path) if record.input in given]
    source = open_source(spec.path)
    episodes = source.episodes()
    return SourceSummary(
        path=spec.place,
        document=document,
        num_inputs=len(given),
        num_unchanged=len(given) - len(tried | {record.input for record in failed}),
        rejections=dict(Counter(source.rejected().column("rule").to_pylist())),
        failures={record.input: record.error for record in failed},
        given_up=tuple(record.input for record in failed if record.input not in tried),
        warnings=warnings,
        provenance={
            key: dict(Counter(episodes.column(key).drop_null().to_pylist())) for key in ("intrinsics", "scale")
        },
        figures=_totals(read_records(spec.path)),
    )


def _totals(records: Sequence[InputRecord]) -> dict[str, float]:
    """Sums by name, those that are zero with the rest."""
    totals: dict[str, float] = defaultdict(float)
    for record in records:
        for name, value in record.figures.items():
            totals[name] += value
    return dict(totals)


def _work(
    spec: SourceSpec,
    name: str,
    work: Work[ItemT],
    pending: Sequence[ItemT],
    num_done: int,
    check: InputCheck[ItemT],
) -> Generator[Outcome[ItemT, InputRecord]]:
    """The outcomes of what is pending, shown as they come."""
    if not pending:
        return
    with (
        AttemptNote(spec.path) as note,
        JobProgress(f"{name} {spec.name}", _weights(pending, check), num_done, note) as progress,
    ):
        for outcome in work(pending, progress):
            yield outcome
            progress.finish(outcome.item.input, outcome.result)


def _count_death(spec: SourceSpec, name: str, pending: Sequence[ItemT], check: InputCheck[ItemT]) -> bool:
    """Set aside what an earlier run died of in the midst of its work, as one more run that failed."""
    death = left_behind(spec.path)
    found = [item for item in pending if death is not None and item.input == death.input]
    for item in found:
        assert death is not None
        quarantine_input(spec.path, item.input, name, death.error, death.log, spec.recipe.sha256, check.stamp(item))
    forget_death(spec.path)
    return bool(found)


@contextmanager
def _held(spec: SourceSpec) -> Iterator[None]:
    """Let nobody else write the source; one on an object store is there as its mirror says when all went well."""
    with written_source(spec.mirror) if spec.mirror else nullcontext(), source_lock(spec.path):
        yield


def _weights(items: Sequence[ItemT], check: InputCheck[ItemT]) -> dict[str, float]:
    """The bytes of each input, by which the time it takes is judged."""
    sizes = {item.input: check.stamp(item) for item in items}
    return {name: float(found[0]) if found else 0.0 for name, found in sizes.items()}


def _noted(spec: SourceSpec, record: InputRecord) -> dict[str, tuple[str, ...]]:
    """The warnings of a finished input, which the mirror of its source now knows of."""
    if spec.mirror is not None:
        note_input(spec.mirror, record)
    return {record.input: record.warnings} if record.warnings else {}


def _set_aside(
    spec: SourceSpec, stage: str, outcome: Outcome[ItemT, InputRecord], stamp: tuple[int, int] | None
) -> None:
    """Put a failure into quarantine; one that is none of the input's ends the job."""
    assert outcome.error is not None
    if outcome.is_fatal:
        raise OutputError(f"{outcome.error}\nWhat is finished is kept; run the same command again to go on.")
    quarantine_input(spec.path, outcome.item.input, stage, outcome.error, outcome.log, spec.recipe.sha256, stamp)
