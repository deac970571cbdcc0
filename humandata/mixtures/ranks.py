"""Which of how many processes this one is, where nobody says so."""

from __future__ import annotations

import os

import torch.distributed

from humandata.errors import UsageError


def rank_and_world_size(rank: int | None, world_size: int | None) -> tuple[int, int]:
    """Those given; else those of `torch.distributed` where it runs; else what the environment says; else 0 of 1.

    torchrun and Ray Train's TorchTrainer set both: the variables RANK and WORLD_SIZE, and the process group.
    UsageError where only one is given, or the rank is none of the world's.
    """
    if (rank is None) != (world_size is None):
        raise UsageError("rank and world_size belong together: give both, or neither.")
    if rank is None or world_size is None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            rank, world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        else:
            rank, world_size = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if not 0 <= rank < world_size:
        raise UsageError(f"rank {rank} is not among {world_size} ranks, which are numbered from 0.")
    return rank, world_size
