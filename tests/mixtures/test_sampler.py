"""Samples keep their ratios exactly, repeat nothing within a pass, and depend on nothing but the manifest and g."""

from __future__ import annotations

import math
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixture_builders import curricula, make_mixture, mixture_source, with_curriculum

from humandata.mixtures.apportion import apportion
from humandata.mixtures.permutation import permute
from humandata.mixtures.sampler import MixtureSampler, rank_samples
from humandata.mixtures.shares import source_shares
from humandata.schemas.mixture import Mixture

RATIOS = st.sampled_from([0.0, 1.0, 0.5, 0.8, 0.25, 1 / 3, 0.123, 1e-3])


@st.composite
def mixtures(draw: st.DrawFn) -> Mixture:
    """Two groups of one to six sources each, of 1 to 300 steps, with weights over four orders of magnitude."""
    ratio = draw(RATIOS)
    sources = [
        mixture_source(f"{group}{i}", group, draw(st.integers(1, 300)), 10.0 ** draw(st.floats(-2, 2)))
        for group in ("human", "robot")
        for i in range(draw(st.integers(1, 6)))
    ]
    groups = {"robot": ratio, "human": 1.0 - ratio}
    return make_mixture(sources, groups, batch_size=draw(st.integers(1, 70)), seed=draw(st.integers(0, 5)))


@settings(max_examples=60)
@given(mixture=mixtures(), first_batch=st.integers(0, 10**9))
def test_every_batch_holds_its_exact_quota(mixture: Mixture, first_batch: int) -> None:
    is_robot = np.array([source.group == "robot" for source in mixture.sources])
    size, ratio = mixture.batch_size, Fraction(repr(mixture.groups["robot"]))
    ratio /= ratio + Fraction(repr(mixture.groups["human"]))
    g = np.arange(first_batch * size, (first_batch + 20) * size)
    source, _ = MixtureSampler(mixture).samples(g)
    quotas = is_robot[source].reshape(-1, size).sum(axis=1)
    for num_batches in range(1, 21):
        # The error is carried: any run of batches, too, holds the quota of its length.
        share = num_batches * size * ratio
        assert quotas[:num_batches].sum() in (math.floor(share), math.ceil(share))
        assert quotas[num_batches - 1] in (math.floor(size * ratio), math.ceil(size * ratio))


@settings(max_examples=40)
@given(mixture=mixtures(), points=curricula())
def test_no_step_comes_twice_within_a_pass_and_every_step_comes(
    mixture: Mixture, points: list[tuple[int, float]]
) -> None:
    mixture = with_curriculum(mixture, points) if points else mixture
    source, step = MixtureSampler(mixture).samples(np.arange(3000))
    for index, member in enumerate(mixture.sources):
        drawn = step[source == index]
        size = member.training.num_steps
        assert ((drawn >= 0) & (drawn < size)).all()
        for start in range(0, len(drawn), size):
            one_pass = drawn[start : start + size]
            assert len(set(one_pass.tolist())) == len(one_pass)


@settings(max_examples=40)
@given(mixture=mixtures(), start=st.integers(0, 500), world_size=st.integers(1, 9))
def test_the_sequence_does_not_depend_on_who_draws_it(mixture: Mixture, start: int, world_size: int) -> None:
    size = mixture.batch_size
    begin = start * size
    whole = MixtureSampler(mixture).samples(np.arange(begin, begin + size))
    parts = [MixtureSampler(mixture).samples(rank_samples(begin, size, rank, world_size)) for rank in range(world_size)]
    for column in (0, 1):
        np.testing.assert_array_equal(np.concatenate([part[column] for part in parts]), whole[column])


def test_fifty_sources_keep_their_shares_over_four_orders_of_magnitude() -> None:
    weights = [10.0 ** (4 * i / 49) for i in range(50)]
    sources = [mixture_source(f"s{i:02d}", "robot", 1000 + i, weight) for i, weight in enumerate(weights)]
    mixture = make_mixture(sources, {"robot": 1.0})
    counts = np.bincount(MixtureSampler(mixture).samples(np.arange(200_000))[0], minlength=50)
    np.testing.assert_allclose(counts, 200_000 * np.array(source_shares(mixture, 200_000)), atol=2.0)


@settings(max_examples=60)
@given(
    weights=st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30),
    start=st.integers(0, 2**50),
)
def test_apportioned_turns_stay_within_two_of_their_share(weights: list[float], start: int) -> None:
    fractions = [Fraction(repr(weight)) for weight in weights]
    turns = np.arange(start, start + 50)
    member, before = apportion(fractions).locate(turns)
    for turn, index, count in zip(turns.tolist(), member.tolist(), before.tolist(), strict=True):
        # Shares are kept to 1 in 2^62, which at turn 2^50 is nothing.
        assert abs(count - Fraction(turn) * fractions[index] / sum(fractions)) < 2
    for index in set(member.tolist()):
        counts = before[member == index]
        assert (np.diff(counts) == 1).all()


@settings(max_examples=60)
@given(size=st.integers(1, 5000), key=st.integers(0, 2**64 - 1))
def test_a_permutation_is_one(size: int, key: int) -> None:
    positions = np.arange(size, dtype=np.uint64)
    out = permute(positions, np.full(size, size, np.uint64), np.full(size, key, np.uint64))
    assert sorted(out.tolist()) == list(range(size))


@pytest.mark.parametrize(("size", "limit"), [(4, 49.7), (5, 172.4)])
def test_permutations_of_small_ranges_are_uniform(size: int, limit: float) -> None:
    """Chi-square over all size! orders, 23 and 119 degrees of freedom: chance passes the limits 1 time in 1000."""
    num_keys = 24_000
    keys = np.repeat(np.arange(num_keys, dtype=np.uint64), size)
    positions = np.tile(np.arange(size, dtype=np.uint64), num_keys)
    orders = permute(positions, np.full(len(keys), size, np.uint64), keys).reshape(num_keys, size)
    counts = Counter(map(tuple, orders.tolist()))
    expected = num_keys / math.factorial(size)
    assert len(counts) == math.factorial(size)
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < limit


def test_each_pass_and_each_seed_has_its_own_order() -> None:
    mixture = make_mixture([mixture_source("a", "robot", 200)], {"robot": 1.0})
    steps = MixtureSampler(mixture).samples(np.arange(400))[1].reshape(2, 200)
    assert (steps[0] != steps[1]).any()
    other = MixtureSampler(mixture, seed=1).samples(np.arange(200))[1]
    assert (steps[0] != other).any()
    # Neighbours are no nearer than by chance: |correlation| of 200 pairs is under 3.3 / sqrt(200) but 1 time in 1000.
    assert abs(np.corrcoef(steps[0][:-1], steps[0][1:])[0, 1]) < 0.24
