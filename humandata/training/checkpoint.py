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
    metadata = {_METADATA_KEY: canonical_json(record.model_dump(mode="json"))}
    write_atomically(path, save(_portable(tensors), metadata))


def read_checkpoint(path: Path) -> tuple[CheckpointRecord, dict[str, Tensor]]:
    """The record and the tensors, on the CPU; DatasetError where the file is not a whole checkpoint."""
    metadata, tensors = _read(path)
    content = json.loads(metadata.get(_METADATA_KEY, "null"))
    return parse_document(CheckpointRecord, content, str(path), DatasetError), tensors


def write_weights(path: Path, tensors: dict[str, Tensor]) -> None:
    """Write the weights of a policy, whole or not at all."""
    write_atomically(path, save(_portable(tensors)))


def read_weights(path: Path) -> dict[str, Tensor]:
    """The weights of a policy, on the CPU; DatasetError where the file is broken."""
    return _read(path)[1]


def select(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors below `prefix.`, by the rest of their names."""
    return {
        name.removeprefix(f"{prefix}."): tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}.")
    }


def _portable(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _read(path: Path) -> tuple[dict[str, str], dict[str, Tensor]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return file.metadata() or {}, tensors
    except (OSError, SafetensorError) as failure:
        raise DatasetError(f"{path}: not a whole safetensors file ({failure}). Remove it and train again.") from None
