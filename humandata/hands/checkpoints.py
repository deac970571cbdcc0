"""Weights out of checkpoints that hold more than weights, without running anything that is in them.

A checkpoint of PyTorch Lightning is a pickle. Beside the tensors it holds the configuration and the state of the
training, as objects of packages such as omegaconf or yacs. PyTorch's unpickler for weights constructs tensors and plain
containers only, and refuses all else. Here every other class that the file names is replaced by one that does nothing:
the configuration comes out empty, the tensors whole, and no code of the file's choosing is imported or called.
"""

from __future__ import annotations

import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from humandata.errors import InputError

_DICTIONARIES = frozenset({"yacs.config.CfgNode"})
"""Classes whose pickles set items, which PyTorch's unpickler does to dictionaries alone."""


def read_state_dict(path: Path) -> dict[str, torch.Tensor]:
    """The tensors under `state_dict`, on the CPU; raises InputError where the file holds none."""
    try:
        names = get_unsafe_globals_in_checkpoint(path)
        stand_ins: list[Any] = [(OrderedDict if name in _DICTIONARIES else _Inert, name) for name in names]
        with safe_globals(stand_ins):
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as failure:
        raise InputError(f"{path}: not a checkpoint ({_reason(failure)}).") from None
    weights = content.get("state_dict") if isinstance(content, dict) else None
    if not isinstance(weights, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in weights.values()):
        raise InputError(f"{path}: not a checkpoint: it has no state_dict of tensors.")
    return weights


def _reason(failure: Exception) -> str:
    """What was wrong, without PyTorch's advice to load the file in an unsafe way."""
    lines = (line.strip() for line in str(failure).splitlines())
    return next((line.rstrip(".") for line in lines if line and "weights_only" not in line), type(failure).__name__)


class _Inert:
    """Takes whatever a pickle gives it."""

    def __new__(cls, *_: Any) -> _Inert:
        return super().__new__(cls)

    def __setstate__(self, _: Any) -> None:
        pass
