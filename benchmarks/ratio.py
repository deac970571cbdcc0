"""How exact ratios are, batch by batch, and how random the order is, beside Hugging Face datasets.

    python benchmarks/ratio.py [--quick] [--json]

Ratios: of 10,000 batches of 256 samples at five ratios and on a curriculum, the smallest and largest share of robot
samples in a batch, and how many batches are off their quota (by a whole sample or more from the exact share);
beside the same batches of `datasets.interleave_datasets` with probabilities, in the same run.

Order: p-values of chi-square tests that every step is as likely at every place of a pass, and as likely to come first,
over many passes (under 0.001: not uniform); and the correlation of neighbours in a pass (0: as good as a full shuffle;
of N steps chance alone gives about 1 / sqrt(N)), beside the shuffle buffer of a streamed `datasets.IterableDataset`.
What `datasets` gives is null where that package is not installed.
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from humandata import __version__
from humandata.arrays import BoolArray, IntArray
from humandata.mixtures.sampler import MixtureSampler
from humandata.schemas.columns import SCHEMA_VERSION
from humandata.schemas.mixture import (
    ActionSpace,
    Curriculum,
    CurriculumPoint,
    IndexRecord,
    Mixture,
    MixtureSource,
    Split,
    StepCounts,
)

RATIOS = (0.1, 1 / 3, 0.5, 0.8, 0.95)
BATCH_SIZE = 256
DRAWN_AT_ONCE = 2**18
SEEDS = range(10)
"""Of the tests of order, whose statistics are summed: one seed alone is below 0.01 once in a hundred times."""
BUFFER = 1000
"""Of the shuffle buffer: the default of `datasets`."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the batches, passes and steps")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures = measure(0.1 if arguments.quick else 1.0)
    if arguments.json:
        print(json.dumps(figures))
        return
    print(f"{figures['batches']:,} batches of {BATCH_SIZE}: smallest to largest share of robot samples in a batch")
    print(f"{'ratio':>12} {'humandata':>17} {'off':>5} {'interleave_datasets':>22} {'off':>7}")
    for row in figures["ratios"]:
        peer = row["interleave"]
        told = "-" if peer is None else f"{peer['least']:.4f} to {peer['most']:.4f} {peer['off']:>7,}"
        print(f"{row['ratio']:>12} {row['least']:.4f} to {row['most']:.4f} {row['off']:>5} {told:>30}")
    for name in ("places_p", "first_p", "neighbour_correlation", "steps", "buffer_neighbour_correlation"):
        value = figures[name]
        print(f"{name:>30}  {'-' if value is None else f'{value:,.4g}'}")


def measure(scale: float) -> dict[str, Any]:
    """All figures, with this share of the batches, passes and steps."""
    num_batches = round(10_000 * scale)
    rows = []
    for ratio in RATIOS:
        exact = np.arange(num_batches + 1) * BATCH_SIZE * ratio
        row = batch_shares(robots_drawn(two_sources(ratio), num_batches), exact)
        peer = interleaved(ratio, num_batches * BATCH_SIZE)
        interleave = None if peer is None else batch_shares(peer, exact)
        rows.append({"ratio": f"{ratio:.4g}", **row, "interleave": interleave})
    rows.append({**changing_ratio(num_batches), "interleave": None})
    num_steps = round(1_000_000 * scale)
    steps = MixtureSampler(two_sources(1.0, num_steps)).samples(np.arange(num_steps))[1]
    return {
        "batches": num_batches,
        "batch_size": BATCH_SIZE,
        "ratios": rows,
        "places_p": uniform_places(round(20_000 * scale)),
        "first_p": uniform_first(round(100_000 * scale)),
        "neighbour_correlation": neighbour_correlation(steps),
        "steps": num_steps,
        "buffer_neighbour_correlation": buffered(num_steps),
    }


def batch_shares(is_robot: BoolArray, exact: NDArray[np.floating[Any]]) -> dict[str, float | int]:
    """Smallest and largest share of a batch, and how many batches are a whole sample off the difference of `exact`."""
    counts = is_robot.reshape(-1, BATCH_SIZE).sum(axis=1)
    off = np.abs(counts - np.diff(exact)) >= 1.0
    return {
        "least": float(counts.min() / BATCH_SIZE),
        "most": float(counts.max() / BATCH_SIZE),
        "off": int(off.sum()),
    }


def changing_ratio(num_batches: int) -> dict[str, Any]:
    """Batches of a curriculum from 0.95 to 0.5 over all of them, beside the integral of its line."""
    total = num_batches * BATCH_SIZE
    edges = np.arange(num_batches + 1) * BATCH_SIZE
    exact = 0.95 * edges - 0.45 * edges**2 / (2 * total)
    points = (CurriculumPoint(sample=0, ratio=0.95), CurriculumPoint(sample=total, ratio=0.5))
    curriculum = Curriculum(group="robot", points=points, others={"human": 1.0})
    mixture = two_sources(0.5).model_copy(update={"curriculum": curriculum})
    return {"ratio": "0.95 to 0.5", **batch_shares(robots_drawn(mixture, num_batches), exact)}


def robots_drawn(mixture: Mixture, num_batches: int) -> BoolArray:
    """Which samples of so many batches are of the robot, the first source."""
    sampler, total = MixtureSampler(mixture), num_batches * BATCH_SIZE
    starts = range(0, total, DRAWN_AT_ONCE)
    blocks = [sampler.samples(np.arange(start, min(start + DRAWN_AT_ONCE, total)))[0] for start in starts]
    return np.asarray(np.concatenate(blocks) == 0)


def interleaved(ratio: float, num_samples: int) -> BoolArray | None:
    """The same by `datasets.interleave_datasets` with probabilities."""
    if find_spec("datasets") is None:
        return None
    from datasets import Dataset, disable_progress_bars, interleave_datasets

    disable_progress_bars()
    parts = [Dataset.from_dict({"robot": np.full(num_samples, value)}) for value in (1, 0)]
    mixed = interleave_datasets(parts, probabilities=[ratio, 1 - ratio], seed=0, stopping_strategy="first_exhausted")
    column = mixed.with_format("numpy")[:num_samples]["robot"]
    assert len(column) == num_samples, "neither part is used up sooner"
    return np.asarray(column, dtype=bool)


def uniform_places(num_passes: int, num_steps: int = 100, num_bins: int = 10) -> float:
    """Chi-square of tenths of a pass against tenths of the steps: a table with fixed margins, summed over passes."""
    statistic = 0.0
    for seed in SEEDS:
        steps = passes(num_passes // len(SEEDS), num_steps, seed)
        places = np.broadcast_to(np.arange(num_steps), steps.shape)
        bins = (places * num_bins // num_steps) * num_bins + steps * num_bins // num_steps
        # Drawing without replacement makes the statistic n / (n - 1) times as large.
        statistic += chi_square(np.bincount(bins.ravel(), minlength=num_bins**2)) * (num_steps - 1) / num_steps
    return float(chi2.sf(statistic, len(SEEDS) * (num_bins - 1) ** 2))


def uniform_first(num_passes: int, num_steps: int = 100) -> float:
    """Chi-square of which step comes first in a pass."""
    first = [passes(num_passes // len(SEEDS), num_steps, seed)[:, 0] for seed in SEEDS]
    statistic = sum(chi_square(np.bincount(each, minlength=num_steps)) for each in first)
    return float(chi2.sf(statistic, len(SEEDS) * (num_steps - 1)))


def chi_square(counts: IntArray) -> float:
    """Of counts that should be equal."""
    expected = counts.mean()
    return float(((counts - expected) ** 2 / expected).sum())


def passes(num_passes: int, num_steps: int, seed: int) -> IntArray:
    """(P, N) steps of passes over a source of N, each of which must come once in each."""
    sampler = MixtureSampler(two_sources(1.0, num_steps), seed)
    steps = sampler.samples(np.arange(num_passes * num_steps))[1].reshape(num_passes, num_steps)
    assert (np.sort(steps, axis=1) == np.arange(num_steps)).all(), "a step came twice within a pass"
    return steps


def neighbour_correlation(steps: IntArray) -> float:
    """Of each draw's step and the next one's."""
    return float(np.corrcoef(steps[:-1], steps[1:])[0, 1])


def buffered(num_steps: int) -> float | None:
    """The same of a stream that is shuffled in a buffer."""
    if find_spec("datasets") is None:
        return None
    from datasets import Dataset

    stream = Dataset.from_dict({"step": np.arange(num_steps)}).to_iterable_dataset()
    shuffled = stream.shuffle(seed=0, buffer_size=BUFFER).with_format("numpy")
    return neighbour_correlation(np.concatenate([batch["step"] for batch in shuffled.iter(batch_size=BUFFER)]))


def two_sources(ratio: float, num_steps: int = 100_000) -> Mixture:
    """A robot's and a human's source of as many steps, of which the robot's has this share."""
    counts = StepCounts(num_steps=num_steps, num_episodes=1)
    sources = tuple(
        MixtureSource(
            name=group,
            path=group,
            fingerprint="0" * 64,
            group=group,
            weight=1.0,
            slowdown=1.0,
            static_camera=False,
            mask_rotation=False,
            median_speed=None,
            training=counts,
            held_out=StepCounts(num_steps=0, num_episodes=0),
        )
        for group in ("robot", "human")
    )
    return Mixture(
        schema_version=SCHEMA_VERSION,
        tool_version=__version__,
        groups={"robot": ratio, "human": 1.0 - ratio},
        batch_size=BATCH_SIZE,
        seed=0,
        max_repeats=1e9,
        action_space=ActionSpace(),
        image_size_px=64,
        split=Split(),
        index=IndexRecord(file="none", sha256="0" * 64),
        sources=sources,
        normalization={},
    )


if __name__ == "__main__":
    main()
