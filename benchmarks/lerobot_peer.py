"""The part of benchmarks/loader.py that LeRobotDataset plays; run by it, in the Python that LeRobot is installed in.

    python benchmarks/lerobot_peer.py write EPISODES DATASET
    python benchmarks/lerobot_peer.py measure DATASET --workers 2 --samples 1000

`write` makes a LeRobotDataset with videos of the episodes (`*.npz` of `jpeg`, `size`, `state`, `action`) by LeRobot's
own API. `measure` reads it in random order with chunks of actions, and prints samples a second as JSON.
LeRobot's dependencies are not ours, so this file imports nothing of the project.
"""

from __future__ import annotations

import argparse
import io
import json
import time
from itertools import islice
from pathlib import Path

import lerobot
import numpy as np
import torch
from lerobot.datasets.lerobot_dataset import LeRobotDataset
from PIL import Image

FPS = 30
HORIZON = 50
BATCH_SIZE = 64
NAME = "benchmark/peer"
VIDEO_CODEC = "h264"
"""Of those LeRobot writes, the one that is read fastest: its default is AV1."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True, dest="command")
    write = commands.add_parser("write")
    write.add_argument("episodes", type=Path)
    write.add_argument("dataset", type=Path)
    measure = commands.add_parser("measure")
    measure.add_argument("dataset", type=Path)
    measure.add_argument("--workers", type=int, default=2)
    measure.add_argument("--samples", type=int, default=1000)
    measure.add_argument("--backend", default="torchcodec")
    arguments = parser.parse_args()
    if arguments.command == "write":
        write_dataset(arguments.episodes, arguments.dataset)
        return
    rate = read_rate(arguments.dataset, arguments.backend, arguments.workers, arguments.samples)
    print(json.dumps({"version": lerobot.__version__, "backend": arguments.backend, "samples_per_s": rate}))


def write_dataset(episodes: Path, out: Path) -> None:
    files = sorted(episodes.glob("*.npz"))
    with np.load(files[0]) as first:
        state_dim, action_dim = first["state"].shape[1], first["action"].shape[1]
        height, width, _ = pictures(first)[0].shape
    dataset = LeRobotDataset.create(
        NAME,
        fps=FPS,
        root=out,
        features={
            "observation.images.top": {
                "dtype": "video",
                "shape": (height, width, 3),
                "names": ["height", "width", "channels"],
            },
            "observation.state": {"dtype": "float32", "shape": (state_dim,), "names": None},
            "action": {"dtype": "float32", "shape": (action_dim,), "names": None},
        },
        streaming_encoding=True,  # without PNG files on the way
        vcodec=VIDEO_CODEC,
    )
    for file in files:
        with np.load(file) as episode:
            for image, state, action in zip(pictures(episode), episode["state"], episode["action"], strict=True):
                dataset.add_frame(
                    {"observation.images.top": image, "observation.state": state, "action": action, "task": "move"}
                )
        dataset.save_episode()
    dataset.finalize()


def pictures(episode: np.lib.npyio.NpzFile) -> list[np.ndarray]:
    ends = np.cumsum(episode["size"])
    content = episode["jpeg"].tobytes()
    return [
        np.asarray(Image.open(io.BytesIO(content[end - size : end])).convert("RGB"))
        for end, size in zip(ends, episode["size"], strict=True)
    ]


def read_rate(path: Path, backend: str, num_workers: int, num_samples: int) -> float:
    """Samples a second once batches flow, of images now and actions of HORIZON steps from now on."""
    steps = [step / FPS for step in range(HORIZON)]
    dataset = LeRobotDataset(NAME, root=path, delta_timestamps={"action": steps}, video_backend=backend)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=BATCH_SIZE, shuffle=True, num_workers=num_workers, drop_last=True
    )
    batches = iter(loader)
    for _ in islice(batches, 1 + 2 * num_workers):  # what was prefetched while nobody measured
        pass
    started = time.perf_counter()
    count = sum(len(batch["action"]) for batch in islice(batches, max(1, num_samples // BATCH_SIZE)))
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
