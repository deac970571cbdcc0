"""The folder of a run: what lies where, and whether a command may go on in it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from humandata import __version__
from humandata.dataset.files import write_atomically
from humandata.errors import DatasetError, UsageError
from humandata.schemas.documents import Document, read_document
from humandata.schemas.mixture import Mixture
from humandata.training.settings import TrainSettings


class RunRecord(Document):
    """`run.json`: what the run is of."""

    tool_version: str
    mixture: str
    """Path of the manifest, relative to the run's folder where possible."""
    manifest_sha256: str
    settings: TrainSettings


@dataclass(frozen=True)
class RunFolder:
    """`runs/<name>/`. The evaluation is written last: a run that has one is finished."""

    path: Path

    @property
    def record(self) -> Path:
        """`RunRecord`, written first."""
        return self.path / "run.json"

    @property
    def mixture(self) -> Path:
        """A copy of the manifest; its source paths are relative to the folder of the original."""
        return self.path / "mixture.json"

    @property
    def checkpoint(self) -> Path:
        """The last state of training."""
        return self.path / "checkpoint.safetensors"

    @property
    def metrics(self) -> Path:
        """A line of JSON for each step."""
        return self.path / "metrics.jsonl"

    @property
    def weights(self) -> Path:
        """The averaged weights of the finished policy."""
        return self.path / "policy.safetensors"

    @property
    def evaluation(self) -> Path:
        """The errors on held-out episodes."""
        return self.path / "evaluation.json"

    def read_record(self) -> RunRecord:
        """What the run is of; DatasetError where the folder holds no run."""
        return read_document(RunRecord, self.record, DatasetError)


def begin_run(folder: RunFolder, manifest: Path, mixture: Mixture, settings: TrainSettings) -> None:
    """Make the folder, or check that it holds a run of the same mixture and settings.

    Raises UsageError, saying what differs, where it holds another run.
    """
    if folder.record.exists():
        _check_same(folder, mixture, settings)
        return
    record = RunRecord(
        tool_version=__version__,
        mixture=Path(os.path.relpath(manifest.resolve(), folder.path.resolve())).as_posix(),
        manifest_sha256=mixture.manifest_sha256,
        settings=settings,
    )
    write_atomically(folder.mixture, mixture.model_dump_json(indent=1).encode() + b"\n")
    write_atomically(folder.record, record.model_dump_json(indent=2).encode() + b"\n")


def _check_same(folder: RunFolder, mixture: Mixture, settings: TrainSettings) -> None:
    record = folder.read_record()
    if record.manifest_sha256 != mixture.manifest_sha256:
        raise UsageError(
            f"{folder.path} holds a run on another mixture ({record.manifest_sha256[:12]}; this one is "
            f"{mixture.manifest_sha256[:12]}). Choose another folder with --out, or remove that one."
        )
    differences = record.settings.differences(settings)
    if differences:
        listed = ", ".join(f"{name} was {theirs}, now {ours}" for name, (theirs, ours) in differences.items())
        raise UsageError(
            f"{folder.path} holds a run with other settings ({listed}). Give the same ones to go on with it, or choose "
            "another folder with --out."
        )
