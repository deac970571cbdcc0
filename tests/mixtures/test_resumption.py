"""Whoever draws, from wherever it goes on, and however it was stopped: the sequence of samples is one."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mixture_builders import curricula, make_mixture, mixture_source, with_curriculum
from training_to_kill import contents

from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.option_text import parse_curriculum
from humandata.mixtures.options import MixOptions
from humandata.mixtures.sampler import MixtureSampler, rank_samples
from humandata.schemas.mixture import ActionSpace, Mixture


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    """One or two groups of up to 50 sources with weights over four orders of magnitude; some groups have one step, and
    some ratios change."""
    ratio = draw(st.sampled_from([0.0, 1.0, 0.8, 1 / 3, 1e-4]))
    sources = []
    for group in ("human", "robot"):
        sizes = draw(st.one_of(st.just([1]), st.lists(st.integers(1, 40), min_size=1, max_size=50)))
        weights = [10.0 ** draw(st.floats(-2, 2)) for _ in sizes]
        sources += [
            mixture_source(f"{group}{number}", group, size, weight)
            for number, (size, weight) in enumerate(zip(sizes, weights, strict=True))
        ]
    groups = {"robot": ratio, "human": 1.0 - ratio}
    mixture = make_mixture(sources, groups, batch_size=draw(st.integers(1, 12)))
    points = draw(curricula())
    return with_curriculum(mixture, points, draw(st.sampled_from(["samples", "episodes"]))) if points else mixture


@settings(max_examples=40)
@given(mixture=mixtures(), sittings=st.lists(st.tuples(st.integers(1, 16), st.integers(1, 5)), min_size=1, max_size=5))
def test_sittings_of_any_world_size_draw_the_one_sequence(mixture: Mixture, sittings: list[tuple[int, int]]) -> None:
    """Each sitting has a world size, up to more ranks than samples, and ends after some batches."""
    size, consumed = mixture.batch_size, 0
    drawn = []
    for world_size, num_batches in sittings:
        sampler = MixtureSampler(mixture)
        for _ in range(num_batches):
            ranks = [sampler.samples(rank_samples(consumed, size, rank, world_size)) for rank in range(world_size)]
            drawn += [np.stack(rank, axis=1) for rank in ranks]
            consumed += size
    whole = np.stack(MixtureSampler(mixture).samples(np.arange(consumed)), axis=1)
    np.testing.assert_array_equal(np.concatenate(drawn), whole)


def test_a_training_killed_at_a_random_batch_learns_the_same_with_another_world_size_and_workers(
    shards: Path, tmp_path: Path
) -> None:
    """One process with two workers is killed by SIGKILL; two ranks with a worker each go on from its checkpoint."""
    path, checkpoint = tmp_path / "mixture.json", tmp_path / "checkpoint.json"
    options = MixOptions(
        curriculum=parse_curriculum("0:1,80:0.5", "robot"),
        batch_size=7,
        action_space=ActionSpace(horizon=3),
        image_size_px=8,
    )
    mix([shards], path, options)
    expected = [each for batch in islice(MixtureLoader(path), 12) for each in contents(batch)]

    def start(rank: int, world_size: int, workers: int, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
        arguments = [path, checkpoint, tmp_path / f"store_{world_size}", rank, world_size, workers, len(expected)]
        command = [sys.executable, str(Path(__file__).parent / "training_to_kill.py"), *map(str, arguments)]
        return subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, text=True, start_new_session=True)

    killed, killed_after = start(0, 1, 2, subprocess.PIPE), random.randrange(3, 11)
    assert killed.stdin is not None
    assert killed.stdout is not None
    for number in range(1, killed_after + 1):
        assert killed.stdout.readline() == f"{7 * number}\n"
        killed.stdin.write("\n" * (number < killed_after))
        killed.stdin.flush()
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    learned = json.loads(checkpoint.read_text())["learned"]
    assert len(learned) == 7 * (killed_after - killed_after % 3)

    ranks = [start(rank, 2, 1) for rank in range(2)]
    assert [rank.wait(timeout=120) for rank in ranks] == [0, 0]
    learned = json.loads(checkpoint.read_text())["learned"]
    assert [tuple(each) for each in learned] == expected, f"killed after {killed_after} batches"


@pytest.mark.parametrize("seed", range(3))
def test_a_loader_killed_at_a_random_batch_goes_on_with_another_world_size_and_workers(
    shards: Path, tmp_path: Path, seed: int
) -> None:
    """The prefetched batches of the killed loader are lost; none is skipped or repeated."""
    path = tmp_path / "mixture.json"
    mix([shards], path, MixOptions(robot_ratio=0.8, batch_size=7, action_space=ActionSpace(horizon=3), image_size_px=8))
    rng = np.random.default_rng(seed)
    killed_after, world_size = int(rng.integers(1, 6)), int(rng.integers(2, 10))
    whole = list(islice(MixtureLoader(path), 8))
    killed = MixtureLoader(path, num_workers=int(rng.integers(0, 3)))
    batches = iter(killed)
    seen = [next(batches) for _ in range(killed_after)]
    state = killed.state_dict()
    del batches
    ranks = [MixtureLoader(path, rank=rank, world_size=world_size) for rank in range(world_size)]
    for rank in ranks:
        rank.load_state_dict(state)
    goes_on = [
        part for parts in zip(*(islice(rank, 8 - killed_after) for rank in ranks), strict=True) for part in parts
    ]
    for name in ("sample", "image", "state", "action", "action_mask"):
        resumed = torch.cat([getattr(batch, name) for batch in (*seen, *goes_on)])
        assert torch.equal(resumed, torch.cat([getattr(batch, name) for batch in whole]))
