"""How mixing scales: 1,000,000 episodes in 1,000 sources, from their tables to an opened manifest and its draws.

    python benchmarks/mix.py [--quick] [--json]

The episodes have no step files: the benchmark writes each source's `episodes.parquet`, `source.json` and the survey
that `mix` keeps beside the manifest after it has read the step files once. What is timed is thus mixing data that was
surveyed before, as after a change of ratio, weight or seed. Memory is the largest of the process that mixes.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from humandata import __version__
from humandata.dataset.read import open_source
from humandata.mixtures.manifest import check_sources
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.packs import CACHE_FOLDER
from humandata.mixtures.sampler import MixtureSampler
from humandata.mixtures.split import held_out_keys
from humandata.mixtures.step_index import SPAN_SCHEMA, open_index
from humandata.mixtures.survey import EmbodimentSketch, Survey, survey_bytes, survey_key
from humandata.schemas.columns import EPISODE_COLUMNS, SCHEMA_VERSION, arrow_schema
from humandata.schemas.mixture import Curriculum, CurriculumPoint, Mixture, read_mixture

NUM_SOURCES = 1000
STEPS_OF_EPISODE = 200
OPTIONS = MixOptions(robot_ratio=0.8, batch_size=256, max_repeats=1e9)
DRAWS_AT_ONCE = 4096


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run of each instead of five")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), episodes_of_source=1000, num_runs=1 if arguments.quick else 5)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:>18}  {value:,.2f}" if isinstance(value, float) else f"{name:>18}  {value:,}")


def measure(folder: Path, episodes_of_source: int, num_runs: int) -> dict[str, float | int]:
    """Seconds, MiB and draws a second, medians of `num_runs` runs, each in a process of its own."""
    write_sources(folder, NUM_SOURCES, episodes_of_source)
    mixed = [_in_process(_mix, folder) for _ in range(num_runs)]
    opened = [_in_process(_open, folder) for _ in range(num_runs)]
    return {
        "episodes": NUM_SOURCES * episodes_of_source,
        "sources": NUM_SOURCES,
        "mix_1m_s": median(run["seconds"] for run in mixed),
        "mix_1m_mib": median(run["mib"] for run in mixed),
        "open_s": median(run["seconds"] for run in opened),
        "open_mib": median(run["mib"] for run in opened),
        "draws_per_s": median(run["draws_per_s"] for run in opened),
        "curriculum_draws_per_s": median(run["curriculum_draws_per_s"] for run in opened),
        "located_per_s": median(run["located_per_s"] for run in opened),
        "runs": num_runs,
    }


def write_sources(folder: Path, num_sources: int, num_episodes: int) -> None:
    """Sources of episodes without step files, every fifth a robot's, and their surveys."""
    rng = np.random.default_rng(0)
    sketch = EmbodimentSketch()
    for part in (sketch.state, sketch.action):
        values = rng.normal(size=(20_000, len(part.quantile(0.5))))
        part.update(values, np.ones(values.shape, bool))
    for number in range(num_sources):
        embodiment = "franka_panda" if number % 5 == 0 else "human_hands"
        _write_source(folder, f"source_{number:04d}", embodiment, num_episodes, sketch)


def _write_source(folder: Path, name: str, embodiment: str, num_episodes: int, sketch: EmbodimentSketch) -> None:
    is_human = embodiment == "human_hands"
    path = folder / "shards" / name
    path.mkdir(parents=True)
    ids = [f"{name[-4:]}{index:012x}" for index in range(num_episodes)]
    known: dict[str, Any] = {
        "id": ids,
        "task": [f"task {index % 50}" for index in range(num_episodes)],
        "num_steps": STEPS_OF_EPISODE,
        "start_ns": 0,
        "end_ns": STEPS_OF_EPISODE * 33_333_333,
        "rate_hz": 30.0,
        "embodiment": embodiment,
        "world_frame": "camera_start" if is_human else "base",
        "camera_motion": "static" if is_human else "unknown",
        "scale": "assumed" if is_human else "metric",
        "intrinsics": "sidecar" if is_human else None,
    }
    columns = []
    for field in arrow_schema(EPISODE_COLUMNS):
        value = known.get(field.name)
        if value is None and not field.nullable:
            value = [] if pa.types.is_map(field.type) else "" if pa.types.is_string(field.type) else 1.0
        rows = value if isinstance(value, list) and field.name != "quality" else [value] * num_episodes
        columns.append(pa.array(rows, field.type))
    pq.write_table(pa.table(columns, schema=arrow_schema(EPISODE_COLUMNS)), path / "episodes.parquet")
    (path / "source.json").write_text(json.dumps(_document(name, embodiment, num_episodes)))

    source = open_source(path)
    held_out = held_out_keys(ids, OPTIONS.held_out_fraction)
    rows = sorted(((key in held_out, key, index) for index, key in enumerate(ids)))
    count = np.full(num_episodes, STEPS_OF_EPISODE)
    spans = pa.table(
        {
            "source": pa.array(np.zeros(num_episodes, np.int32)),
            "held_out": pa.array([int(row[0]) for row in rows], pa.int8()),
            "start": pa.array(np.zeros(num_episodes, np.int64)),
            "stop": pa.array(count - 1),
            "first_record": pa.array([row[2] * STEPS_OF_EPISODE for row in rows], pa.int64()),
            "num_steps": pa.array(count),
            "episode": pa.array([row[1] for row in rows]),
            "task": pa.array([f"task {row[2] % 50}" for row in rows]),
            "embodiment": pa.array([embodiment] * num_episodes),
        },
        schema=SPAN_SCHEMA,
    )
    cache = folder / CACHE_FOLDER
    cache.mkdir(exist_ok=True)
    survey = Survey(spans, {embodiment: sketch}, 0.2)
    (cache / f"{survey_key(source, OPTIONS)}.survey.arrow").write_bytes(survey_bytes(survey))


def _document(name: str, embodiment: str, num_episodes: int) -> dict[str, Any]:
    counts = {"inputs": num_episodes, "episodes": num_episodes, "steps": num_episodes * STEPS_OF_EPISODE}
    return {
        "schema_version": SCHEMA_VERSION,
        "tool_version": __version__,
        "name": name,
        "kind": "human_video" if embodiment == "human_hands" else "robot_dataset",
        "format": "benchmark",
        "embodiments": [embodiment],
        "cameras": ["image"],
        "recipe": {"name": "benchmark", "sha256": "0" * 64, "content": {}},
        "counts": {**counts, "seconds": 0.0, "rejected": 0, "quarantined": 0},
        "files": {f"data/{index:016x}.parquet": f"{index:064x}" for index in range(num_episodes)},
        "fingerprint": name.encode().hex().ljust(64, "0"),
    }


def _mix(folder: Path) -> dict[str, float]:
    started = time.perf_counter()
    mix([folder / "shards"], folder / "mixture.json", OPTIONS)
    return {"seconds": time.perf_counter() - started, "mib": _peak_mib()}


def _open(folder: Path) -> dict[str, float]:
    started = time.perf_counter()
    mixture = read_mixture(folder / "mixture.json")
    check_sources(mixture, folder)
    index = open_index(mixture, folder)
    seconds = time.perf_counter() - started
    sampler = MixtureSampler(mixture)
    blocks = np.arange(50 * DRAWS_AT_ONCE).reshape(-1, DRAWS_AT_ONCE)
    sampler.samples(blocks[0])

    def locate(block: np.ndarray) -> None:
        index.locate(*sampler.samples(block))

    return {
        "seconds": seconds,
        "mib": _peak_mib(),
        "draws_per_s": _rate(sampler.samples, blocks),
        "curriculum_draws_per_s": _rate(MixtureSampler(_with_curriculum(mixture)).samples, blocks),
        "located_per_s": _rate(locate, blocks),
    }


def _with_curriculum(mixture: Mixture) -> Mixture:
    """The mixture with a ratio that changes all along the draws that are timed."""
    points = (CurriculumPoint(sample=0, ratio=0.95), CurriculumPoint(sample=50 * DRAWS_AT_ONCE, ratio=0.5))
    return mixture.model_copy(update={"curriculum": Curriculum(group="robot", points=points, others={"human": 1.0})})


def _rate(draw: Callable[[np.ndarray], object], blocks: np.ndarray) -> float:
    started = time.perf_counter()
    for block in blocks:
        draw(block)
    return blocks.size / (time.perf_counter() - started)


def _in_process(function: Callable[[Path], dict[str, float]], folder: Path) -> dict[str, float]:
    """What `function` returns, called in a fresh process, so that memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, (folder,))


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
