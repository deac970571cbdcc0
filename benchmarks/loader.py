"""How fast batches come, beside the floor that decoding their JPEGs alone sets.

    python benchmarks/loader.py [--quick] [--json]

Random samples of a 256x256 image and a chunk of 50 steps, from sources the benchmark writes: robot episodes of smooth
random motion at 30 Hz with textured pictures. The floor is decoding the same JPEG bytes, already in memory, in as many
processes; both are measured in turn, run by run. `lowdim_per_s` is without images. `vs_lerobot` is null: the comparison
with LeRobotDataset is not made.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from humandata.dataset.compile import compile_source
from humandata.dataset.identity import content_sha256, episode_id
from humandata.dataset.read import find_sources
from humandata.dataset.write import InputIdentity, write_input
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.episode import PRIMARY_CAMERA, ArmTrack, Episode, Provenance
from humandata.schemas.source import RecipeRecord
from humandata.video.images import decode_image, encode_jpeg

NUM_WORKERS = 2
SIDE_PX = 256
NUM_STEPS = 150
BATCH_SIZE = 64
LOWDIM_BATCH_SIZE = 512
"""Without images batches are larger: what is paid once for each then counts less."""
RECIPE = RecipeRecord(name="benchmark", sha256=content_sha256("benchmark"), content={})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer episodes, batches and runs")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.quick)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:>18}  {'-' if value is None else f'{value:,.2f}'}")


def measure(folder: Path, quick: bool) -> dict[str, float | None]:
    """Medians over runs; each run measures the floor, the loader and the loader without images."""
    write_shards(folder / "shards", num_episodes=8 if quick else 40)
    options = MixOptions(batch_size=BATCH_SIZE, image_size_px=SIDE_PX)
    manifest = folder / "mixture.json"
    mix([folder / "shards"], manifest, options)
    lowdim_manifest = folder / "lowdim.json"
    mix([folder / "shards"], lowdim_manifest, replace(options, batch_size=LOWDIM_BATCH_SIZE))
    encoded = [image for source in find_sources(folder / "shards") for image in _all_images(source.path)]
    rng = np.random.default_rng(0)
    runs = []
    for _ in range(3 if quick else 5):
        chosen = [encoded[index] for index in rng.integers(0, len(encoded), 2000 if quick else 6000)]
        floor = decode_rate(chosen)
        full, first = loader_rate(manifest, images=True, num_batches=30 if quick else 100)
        lowdim, _ = loader_rate(lowdim_manifest, images=False, num_batches=40 if quick else 200)
        runs.append((floor, full, first, lowdim, full / floor))
    floor, full, first, lowdim, share = (median(column) for column in zip(*runs, strict=True))
    return {
        "jpeg_floor_per_s": floor,
        "samples_per_s": full,
        "floor_share": share,
        "lowdim_per_s": lowdim,
        "first_batch_s": first,
        "vs_lerobot": None,
        "workers": NUM_WORKERS,
        "runs": len(runs),
    }


def decode_rate(encoded: list[bytes]) -> float:
    """Pictures a second that NUM_WORKERS processes decode, of pictures they hold in memory."""
    with multiprocessing.get_context("fork").Pool(NUM_WORKERS, initializer=cv2.setNumThreads, initargs=(0,)) as pool:
        parts = [encoded[worker::NUM_WORKERS] for worker in range(NUM_WORKERS)]
        seconds = pool.map(_decode, parts, chunksize=1)
    return sum(len(part) / taken for part, taken in zip(parts, seconds, strict=True))


def _decode(encoded: list[bytes]) -> float:
    decode_image(encoded[0])
    started = time.perf_counter()
    for data in encoded:
        decode_image(data)
    return time.perf_counter() - started


def loader_rate(manifest: Path, images: bool, num_batches: int) -> tuple[float, float]:
    """Samples a second once batches flow, and the seconds to the first one."""
    started = time.perf_counter()
    batches = iter(MixtureLoader(manifest, num_workers=NUM_WORKERS, images=images))
    next(batches)
    first = time.perf_counter() - started
    for _ in islice(batches, 2 * NUM_WORKERS):  # what was prefetched while nobody measured
        pass
    started = time.perf_counter()
    num_samples = sum(len(batch.sample) for batch in islice(batches, num_batches))
    return num_samples / (time.perf_counter() - started), first


def write_shards(folder: Path, num_episodes: int) -> None:
    """Two sources of robot episodes of NUM_STEPS steps each, written as `ingest` writes them."""
    for name in ("one", "other"):
        for number in range(num_episodes // 2):
            episode = make_episode(f"{name}_{number:03d}")
            write_input(folder / name, InputIdentity(episode.input, episode.input_sha256, 1, 1), "benchmark", [episode])
        compile_source(folder / name, name, "robot_dataset", "benchmark", RECIPE)


def make_episode(name: str) -> Episode:
    """A smooth motion of one arm before a camera that sees a picture of blurred noise, shifted from step to step."""
    content = content_sha256(name)
    rng = np.random.default_rng(int(content[:8], 16))
    timestamp_ns = (np.arange(NUM_STEPS) * 1e9 / 30.0).astype(np.int64)
    phase = np.linspace(0.0, 3.0, NUM_STEPS)[:, None]
    R = matrix_from_rotvec(np.sin(phase + rng.normal(size=3)))
    position = 0.3 * np.sin(phase * rng.uniform(0.5, 2.0, 3) + rng.normal(size=3))
    noise = cv2.GaussianBlur(rng.normal(128.0, 400.0, (SIDE_PX, SIDE_PX, 3)), (0, 0), 3.0)
    picture = np.clip(noise + rng.normal(0.0, 4.0, noise.shape), 0, 255).astype(np.uint8)
    images = [encode_jpeg(np.roll(picture, 2 * step, axis=1)) for step in range(NUM_STEPS)]
    everywhere = np.ones(NUM_STEPS, bool)
    arm = ArmTrack(
        T_world_ee=make_transform(R, position),
        valid=everywhere,
        interpolated=~everywhere,
        confidence=np.ones(NUM_STEPS),
        gripper_opening=0.5 + 0.5 * np.sin(phase[:, 0]),
        aperture_m=0.04 + 0.04 * np.sin(phase[:, 0]),
        hand=None,
    )
    return Episode(
        id=episode_id(content, int(timestamp_ns[0]), int(timestamp_ns[-1]) + 1, RECIPE.sha256),
        embodiment="franka_panda",
        task="move",
        input=name,
        input_sha256=content,
        timestamp_ns=timestamp_ns,
        images={PRIMARY_CAMERA: images},
        arms={"right": arm},
        T_world_camera=np.full((NUM_STEPS, 4, 4), np.nan),
        world_valid=everywhere,
        camera=None,
        provenance=Provenance(world_frame="base", camera_motion="unknown", scale="metric", intrinsics=None),
        rate_hz=30.0,
        quality={},
    )


def _all_images(source: Path) -> list[bytes]:
    shard = find_sources(source)[0]
    episodes = shard.episodes(["id", "num_steps"]).to_pylist()
    images = (image for row in episodes for image in shard.read_images(row["id"], range(row["num_steps"])))
    return [image for image in images if image is not None]


if __name__ == "__main__":
    main()
