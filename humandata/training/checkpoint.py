"""Checkpoints: one safetensors file that holds all of a training state. Nothing is pickled."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from humandata.dataset.files import write_atomically
from humandata.errors import DatasetError
from humandata.schemas.documents import Document, canonical_json, parse_document

_METADATA_KEY = "humandata"


class CheckpointRecord(Document):
    """How far a run has come. Its sampler goes on from `samples_consumed`."""

    manifest_sha256: str
    step: int
    samples_consumed: int


def write_checkpoint(path: Path, record: CheckpointRecord, tensors: dict[str, Tensor]) -> None:
    """Replace the checkpoint at `path`, whole or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {_METADATA_KEY: canonical_json(record.model_dump(mode="json"))}
    write_atomically(path, save(contiguous, metadata))


def read_checkpoint(path: Path) -> tuple[CheckpointRecord, dict[str, Tensor]]:
    """The record and the tensors, on the CPU; DatasetError where the file is not a whole checkpoint."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            content = json.loads(metadata.get(_METADATA_KEY, "null"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError, ValueError) as failure:
        raise DatasetError(f"{path}: not a checkpoint ({failure}). Remove it to begin the run anew.") from None
    return parse_document(CheckpointRecord, content, str(path), DatasetError), tensors


def select(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors below `prefix.`, by the rest of their names."""
    return {
        name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")
    }
