"""How fast batches come, beside the floor that decoding their JPEGs alone sets, and beside LeRobotDataset.

    python benchmarks/loader.py [--quick] [--json] [--lerobot-python PATH]

Random samples of a 256x256 image and a chunk of 50 steps, from sources the benchmark writes: robot episodes of smooth
random motion at 30 Hz with textured pictures. The floor is decoding the same JPEG bytes, already in memory, in as many
processes. `lowdim_per_s` is without images. LeRobot reads the same frames as video, from a dataset that its own API
wrote, with the codec and the decoder that are fastest there; `vs_lerobot` is null where it is not installed. It may
have a Python of its own, `--lerobot-python`. All are measured in turn, run by run.

`private_mib` is what the process that makes batches has in memory of its own, without what it maps from files, after
reading a tenth and all of the same episodes: it does not grow with the number of steps.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from itertools import islice
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from humandata.actions import ActionGrid, encode_chunks, encode_states
from humandata.dataset.compile import compile_source
from humandata.dataset.identity import content_sha256, episode_id
from humandata.dataset.read import ShardSource, find_sources
from humandata.dataset.write import InputIdentity, write_input
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import make_transform
from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.tracks import read_tracks
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
    parser.add_argument("--lerobot-python", help="the Python that LeRobot is installed in, if not this one")
    arguments = parser.parse_args()
    here = sys.executable if importlib.util.find_spec("lerobot") else None
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.quick, arguments.lerobot_python or here)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:>18}  {'-' if value is None else f'{value:,.2f}'}")


def measure(folder: Path, quick: bool, lerobot_python: str | None) -> dict[str, float | None]:
    """Medians over runs; each run measures the floor, the loader with and without images, and LeRobot."""
    write_shards(folder / "shards", num_episodes=8 if quick else 40)
    options = MixOptions(batch_size=BATCH_SIZE, image_size_px=SIDE_PX)
    manifest, lowdim_manifest = folder / "mixture.json", folder / "lowdim.json"
    mix([folder / "shards"], manifest, options)
    mix([folder / "shards"], lowdim_manifest, replace(options, batch_size=LOWDIM_BATCH_SIZE))
    encoded = [image for source in find_sources(folder / "shards") for image in _all_images(source)]
    peer = LeRobot(lerobot_python, folder, 192 if quick else 1024) if lerobot_python else None
    rng = np.random.default_rng(0)
    runs: list[dict[str, float]] = []
    for number in range(3 if quick else 5):
        chosen = [encoded[index] for index in rng.integers(0, len(encoded), 2000 if quick else 6000)]
        run = {"jpeg_floor_per_s": decode_rate(chosen)}
        run["samples_per_s"], run["first_batch_s"] = loader_rate(manifest, True, 30 if quick else 100)
        run["samples_per_s_alone"], _ = loader_rate(manifest, True, 20 if quick else 50, num_workers=0)
        run["lowdim_per_s"], _ = loader_rate(lowdim_manifest, False, 40 if quick else 200)
        run["floor_share"] = run["samples_per_s"] / run["jpeg_floor_per_s"]
        if peer and (not quick or number == 0):
            run["lerobot_per_s"], run["lerobot_per_s_alone"] = peer.rate(NUM_WORKERS), peer.rate(0)
            run["vs_lerobot"] = run["samples_per_s"] / run["lerobot_per_s"]
            run["vs_lerobot_alone"] = run["samples_per_s_alone"] / run["lerobot_per_s_alone"]
        runs.append(run)
    names = [*runs[0], *(() if peer else ("vs_lerobot",))]
    figures = {name: _median([run[name] for run in runs if name in run]) for name in names}
    tenth, whole = (private_mib(folder / f"{part}_steps", part, quick) for part in ("tenth", "all"))
    return figures | {"private_mib_tenth": tenth, "private_mib": whole, "workers": NUM_WORKERS, "runs": len(runs)}


def _median(values: list[float]) -> float | None:
    return median(values) if values else None


class LeRobot:
    """LeRobotDataset in a Python of its own, on the frames of the shards in a folder."""

    def __init__(self, python: str, folder: Path, num_samples: int) -> None:
        self._command = [python, str(Path(__file__).with_name("lerobot_peer.py"))]
        self._dataset, self._num_samples = folder / "lerobot", num_samples
        episodes = folder / "episodes"
        episodes.mkdir()
        for source in find_sources(folder / "shards"):
            for name, track in read_tracks(source, static_camera=False):
                images, steps = source.read_images(name, range(NUM_STEPS)), np.arange(NUM_STEPS)
                np.savez(
                    episodes / f"{name}.npz",
                    jpeg=np.frombuffer(b"".join(image or b"" for image in images), np.uint8),
                    size=[len(image or b"") for image in images],
                    state=encode_states(track, steps)[0].astype(np.float32),
                    action=encode_chunks(track, steps, ActionGrid(1, 30.0))[0][:, 0].astype(np.float32),
                )
        self._run("write", str(episodes), str(self._dataset))

    def rate(self, num_workers: int) -> float:
        """Samples a second once batches flow."""
        counts = ["--workers", str(num_workers), "--samples", str(self._num_samples)]
        return float(json.loads(self._run("measure", str(self._dataset), *counts).splitlines()[-1])["samples_per_s"])

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._command, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"LeRobot's part failed:\n{done.stderr[-3000:]}")
        return done.stdout


def private_mib(folder: Path, part: str, quick: bool) -> float:
    """MiB of a fresh process's own memory after it has read batches of episodes with tiny pictures."""
    num_episodes = (40 if quick else 400) // (10 if part == "tenth" else 1)
    write_shards(folder / "shards", num_episodes, side_px=16)
    mix([folder / "shards"], folder / "mixture.json", MixOptions(batch_size=BATCH_SIZE, image_size_px=16))
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_read_and_weigh, (folder / "mixture.json",))


def _read_and_weigh(manifest: Path) -> float:
    for _ in islice(MixtureLoader(manifest), 200):
        pass
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) / 1024


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


def loader_rate(manifest: Path, images: bool, num_batches: int, num_workers: int = NUM_WORKERS) -> tuple[float, float]:
    """Samples a second once batches flow, and the seconds to the first one."""
    started = time.perf_counter()
    batches = iter(MixtureLoader(manifest, num_workers=num_workers, images=images))
    next(batches)
    first = time.perf_counter() - started
    for _ in islice(batches, 2 * num_workers):  # what was prefetched while nobody measured
        pass
    started = time.perf_counter()
    num_samples = sum(len(batch.sample) for batch in islice(batches, num_batches))
    return num_samples / (time.perf_counter() - started), first


def write_shards(folder: Path, num_episodes: int, side_px: int = SIDE_PX) -> None:
    """Two sources of robot episodes of NUM_STEPS steps each, written as `ingest` writes them."""
    for name in ("one", "other"):
        for number in range(num_episodes // 2):
            episode = make_episode(f"{name}_{number:03d}", side_px)
            write_input(folder / name, InputIdentity(episode.input, episode.input_sha256, 1, 1), "benchmark", [episode])
        compile_source(folder / name, name, "robot_dataset", "benchmark", RECIPE)


def make_episode(name: str, side_px: int) -> Episode:
    """A smooth motion of one arm before a camera that sees a picture of blurred noise, shifted from step to step."""
    content = content_sha256(name)
    rng = np.random.default_rng(int(content[:8], 16))
    timestamp_ns = (np.arange(NUM_STEPS) * 1e9 / 30.0).astype(np.int64)
    phase = np.linspace(0.0, 3.0, NUM_STEPS)[:, None]
    R = matrix_from_rotvec(np.sin(phase + rng.normal(size=3)))
    position = 0.3 * np.sin(phase * rng.uniform(0.5, 2.0, 3) + rng.normal(size=3))
    noise = cv2.GaussianBlur(rng.normal(128.0, 400.0, (side_px, side_px, 3)), (0, 0), 3.0)
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


def _all_images(source: ShardSource) -> list[bytes]:
    images = (
        image for name in source.episodes(["id"])["id"] for image in source.read_images(name.as_py(), range(NUM_STEPS))
    )
    return [image for image in images if image is not None]


if __name__ == "__main__":
    main()
