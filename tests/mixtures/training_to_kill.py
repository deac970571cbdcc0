"""A training that learns by heart, run as a process: what it has learned is every sample it was given, in order.

    python training_to_kill.py MANIFEST CHECKPOINT STORE RANK WORLD_SIZE WORKERS SAMPLES

It says after each batch how many samples it has learned, and waits for a line, or the end, of its input. It keeps a
checkpoint every third batch, from which it goes on.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import torch.distributed as dist

from humandata.dataset.files import write_atomically
from humandata.mixtures.batch import Batch
from humandata.mixtures.loader import MixtureLoader

BATCHES_A_CHECKPOINT = 3


def main(manifest: Path, checkpoint: Path, store: Path, rank: int, world_size: int, workers: int, samples: int) -> None:
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=world_size)
    loader = MixtureLoader(manifest, num_workers=workers)
    learned: list[tuple[int, str]] = []
    if checkpoint.exists():
        saved = json.loads(checkpoint.read_text())
        loader.load_state_dict(saved["loader"])
        learned = [tuple(each) for each in saved["learned"]]
    for number, batch in enumerate(loader, start=1):
        parts: list[list[tuple[int, str]]] = [[] for _ in range(world_size)]
        dist.all_gather_object(parts, contents(batch))
        learned += [each for part in parts for each in part]
        if rank == 0 and (number % BATCHES_A_CHECKPOINT == 0 or len(learned) >= samples):
            saved = {"loader": loader.state_dict(), "learned": learned}
            write_atomically(checkpoint, json.dumps(saved).encode())
        print(len(learned), flush=True)
        sys.stdin.readline()
        if len(learned) >= samples:
            break
    dist.destroy_process_group()


def contents(batch: Batch) -> list[tuple[int, str]]:
    """The number of each sample of a batch, and a hash of its image and its chunk."""
    rows = zip(batch.sample.tolist(), batch.image.numpy(), batch.action.numpy(), strict=True)
    return [
        (number, hashlib.sha256(image.tobytes() + action.tobytes()).hexdigest()[:16]) for number, image, action in rows
    ]


if __name__ == "__main__":
    paths, numbers = [Path(each) for each in sys.argv[1:4]], [int(each) for each in sys.argv[4:]]
    main(paths[0], paths[1], paths[2], *numbers)
