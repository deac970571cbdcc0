"""What `extract` stores of a suite's videos, read back from its shards."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from humandata.arrays import IntArray
from humandata.bench.estimates import Hands, no_hands
from humandata.bench.suite import SuiteClip
from humandata.dataset.read import ShardSource, open_source
from humandata.pipelines.extract import extract
from humandata.pipelines.recipe import Recipe, load_recipe


def bench_recipe() -> Recipe:
    """The default recipe without filters, which turn whole episodes away where a hand is doubtful."""
    return load_recipe("default", ["filters={}"])


def extract_suite(clips: Sequence[SuiteClip], shards: Path, recipe: Recipe) -> ShardSource:
    """Extract the videos of a suite, in this process."""
    extract([clips[0].root / "videos"], shards, recipe, name="suite", num_workers=1)
    return open_source(shards / "suite")


def stored_hands(source: ShardSource, clip: SuiteClip, timestamp_ns: IntArray) -> Hands:
    """The hands of one video at the truth's timestamps (T,)."""
    hands = no_hands(len(timestamp_ns))
    rows = [row for row in source.episodes().to_pylist() if row["input"] == clip.input]
    for number, row in enumerate(rows):
        episode = source.read_episode(row["id"], images=False)
        index = np.searchsorted(timestamp_ns, episode.timestamp_ns - 1_000_000)
        for side, arm in episode.arms.items():
            assert arm.hand is not None
            hand = hands[side]
            hand.landmarks_camera[index] = arm.hand.landmarks_camera
            hand.landmarks_px[index] = arm.hand.landmarks_px
            hand.T_world_ee[index] = arm.T_world_ee
            hand.episode[index] = number
            hand.sigma_m[index] = arm.hand.wrist_sigma_m
    return hands
