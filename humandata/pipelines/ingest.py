"""`ingest`: a robot dataset becomes a shard source, one input an episode."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from humandata.dataset.compile import finished_record
from humandata.dataset.records import InputRecord, read_records, record_path, write_record
from humandata.dataset.remote import push_input, push_record
from humandata.dataset.write import InputIdentity, write_input
from humandata.embodiments.embodiment import Embodiment
from humandata.errors import InputError, UsageError
from humandata.mirror import Mirror
from humandata.pipelines.recipe import recipe_record
from humandata.pipelines.runner import open_runner
from humandata.pipelines.source_item import InputCheck
from humandata.pipelines.source_job import (
    SourceSpec,
    SourceSummary,
    in_one_stage,
    pending_items,
    run_source_job,
    source_spec,
)
from humandata.pipelines.stage import Needs
from humandata.readers import open_dataset
from humandata.readers.camera_names import primary_camera
from humandata.readers.conversion import IngestRecipe, robot_embodiment, to_episode
from humandata.readers.reader import EpisodeRef, Reader, ReaderOptions
from humandata.storage import Store, is_remote


@dataclass(frozen=True)
class IngestPlan:
    """The source to be made of a dataset: its episodes, and those of them that are still to be done."""

    spec: SourceSpec
    embodiment: Embodiment
    primary_camera: str
    items: list[EpisodeRef]
    pending: list[EpisodeRef]


def plan_ingest(dataset: Path, out: Path, recipe: IngestRecipe, name: str | None = None) -> IngestPlan:
    """What `ingest` would do, reading no episode and writing nothing.

    Raises:
        InputError: the dataset's format is not known, or nothing of it can be read, or it has no pictures.
        UsageError: its robot is not known, or has no such camera, or a source of that name holds another dataset.
    """
    if is_remote(dataset):
        raise UsageError(f"{Store.at(dataset).url}: a dataset is read from a disk. Copy or mount it there.")
    reader = open_dataset(dataset, ReaderOptions(recipe.state_names))
    embodiment = robot_embodiment(reader.robot, recipe.embodiment)
    if not reader.cameras:
        raise InputError(f"{dataset}: holds no pictures, which every episode needs. Render or download it with images.")
    primary = primary_camera(reader.cameras, recipe.camera)
    source_name = name or _default_name(dataset)
    record = recipe_record("ingest", recipe, reader=reader.format, robot=embodiment.name)
    spec = source_spec(out, source_name, "robot_dataset", reader.format, record)
    items = reader.list_episodes()
    _refuse_another_dataset(spec, items)
    return IngestPlan(spec, embodiment, primary, items, pending_items(spec, items, EPISODE_CHECK))


def ingest(
    dataset: Path,
    out: Path,
    recipe: IngestRecipe,
    name: str | None = None,
    num_workers: int | None = None,
    address: str | None = None,
) -> SourceSummary:
    """Ingest a dataset into `out` as one source; episodes that are finished already are left alone.

    The source is called `name`, else as the dataset's folder or file. An episode that cannot be read is set aside in
    `quarantine/`, and the others go on. Workers are as for `extract`. Raises what `plan_ingest` does.
    """
    plan = plan_ingest(dataset, out, recipe, name)
    spec = plan.spec
    stage = IngestStage(
        dataset.absolute(), spec.path.absolute(), plan.embodiment, recipe, spec.recipe.sha256, spec.mirror
    )
    with open_runner(num_workers, address) as runner:
        return run_source_job(spec, plan.items, EPISODE_CHECK, stage.name, in_one_stage(stage, runner))


def is_unchanged(item: EpisodeRef, record: InputRecord) -> bool:
    """Whether an episode's files have the size and time they had; where they have not, the stage looks into them."""
    try:
        return size_and_time(item) == (record.size_bytes, record.mtime_ns)
    except InputError:
        return False


def size_and_time(item: EpisodeRef) -> tuple[int, int]:
    """Bytes of an episode's files together, and their latest modification time in ns; raises InputError."""
    try:
        stats = [path.stat() for path in item.files]
    except OSError as failure:
        raise InputError(f"{failure.filename}: cannot be read ({failure.strerror}).") from None
    return sum(stat.st_size for stat in stats), max(stat.st_mtime_ns for stat in stats)


EPISODE_CHECK = InputCheck(size_and_time, is_unchanged)


class IngestStage:
    """Turns an episode of a dataset into an episode of its source folder and the record of it."""

    name = "ingest"
    needs = Needs()

    def __init__(
        self,
        dataset: Path,
        source: Path,
        embodiment: Embodiment,
        recipe: IngestRecipe,
        recipe_sha256: str,
        mirror: Mirror | None = None,
    ) -> None:
        self._dataset = dataset
        self._source = source
        self._mirror = mirror
        self._embodiment = embodiment
        self._recipe = recipe
        self._recipe_sha256 = recipe_sha256
        self._reader: Reader | None = None

    def setup(self) -> None:
        """Open the dataset."""
        self._reader = open_dataset(self._dataset, ReaderOptions(self._recipe.state_names))

    def close(self) -> None:
        """Nothing is held between episodes."""

    def process(self, item: EpisodeRef) -> InputRecord:
        """Ingest one episode; one whose content is what it was keeps its files, and its record learns the new times."""
        assert self._reader is not None
        size_bytes, mtime_ns = size_and_time(item)
        identity = InputIdentity(item.input, self._reader.content_sha256(item.name), size_bytes, mtime_ns)
        earlier = finished_record(self._source, item.input, self._recipe_sha256)
        if earlier is not None and earlier.input_sha256 == identity.input_sha256:
            record = earlier.model_copy(update=asdict(identity))
            write_record(record_path(self._source, item.input), record)
            if self._mirror is not None:
                push_record(self._mirror, record)
            return record
        episode = to_episode(
            self._reader.read(item.name),
            self._embodiment,
            self._recipe,
            input_name=item.input,
            input_sha256=identity.input_sha256,
            recipe_sha256=self._recipe_sha256,
        )
        num_missing = sum(int((~arm.valid).sum()) for arm in episode.arms.values())
        warnings = [f"{num_missing} of {episode.num_steps} steps lack a pose or gripper reading"] if num_missing else []
        figures = {"steps": float(episode.num_steps)}
        record = write_input(self._source, identity, self._recipe_sha256, [episode], (), figures, warnings)
        if self._mirror is not None:
            push_input(self._mirror, record)
        return record


def _default_name(dataset: Path) -> str:
    resolved = dataset.resolve()
    return resolved.name if resolved.is_dir() else resolved.stem


def _refuse_another_dataset(spec: SourceSpec, items: list[EpisodeRef]) -> None:
    """Raise UsageError where the source holds episodes that the dataset does not have."""
    given = {item.input for item in items}
    others = [record.input for record in read_records(spec.path) if record.input not in given]
    if others:
        raise UsageError(
            f"{spec.path}: holds {len(others)} episodes that this dataset does not have (the first is '{others[0]}'). "
            "If it is made of another dataset, give this one another --name; else remove the folder."
        )
