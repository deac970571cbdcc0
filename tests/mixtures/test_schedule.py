"""A ratio that changes is honoured exactly all the way, wherever one begins to draw."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mixture_builders import make_mixture, mixture_source, with_curriculum

from humandata.errors import DatasetError
from humandata.mixtures.sampler import MixtureSampler
from humandata.mixtures.schedule import schedule
from humandata.mixtures.shares import group_shares, source_shares
from humandata.schemas.documents import parse_document
from humandata.schemas.mixture import Curriculum, CurriculumPoint, Mixture

POINTS = st.lists(
    st.tuples(st.integers(0, 10**9), st.integers(0, 10**6).map(lambda parts: parts / 10**6)),
    min_size=1,
    max_size=6,
    unique_by=lambda point: point[0],
).map(sorted)


def integral(points: list[tuple[int, float]], turns: int) -> Fraction:
    """Of the piecewise linear share, by the trapezoid rule, in fractions."""
    stops = [(0, points[0][1]), *points, (max(points[-1][0], turns) + 1, points[-1][1])]
    total = Fraction(0)
    for (start, first), (stop, last) in pairwise(stops):
        if turns > start < stop:
            x, a, b = min(turns, stop) - start, Fraction(repr(first)), Fraction(repr(last))
            total += a * x + (b - a) * x**2 / (2 * (stop - start))
    return total


@settings(max_examples=100)
@given(points=POINTS, turn=st.integers(0, 4 * 10**12 - 1))
def test_turns_are_the_rounded_integral_of_the_share(points: list[tuple[int, float]], turn: int) -> None:
    turns = np.array([turn, turn + 1, *(sample for sample, _ in points)])
    first = schedule(points).first_turns(turns).tolist()
    assert first == [math.floor(integral(points, each) + Fraction(1, 2)) for each in turns.tolist()]
    assert first[1] - first[0] in (0, 1)


@settings(max_examples=60)
@given(
    points=POINTS, first_batch=st.integers(0, 10**8), size=st.integers(1, 70), sizes=st.tuples(*[st.integers(1, 9)] * 2)
)
def test_every_batch_of_a_curriculum_holds_its_quota(
    points: list[tuple[int, float]], first_batch: int, size: int, sizes: tuple[int, int]
) -> None:
    sources = [mixture_source("a", "human", sizes[0]), mixture_source("b", "robot", sizes[1])]
    mixture = with_curriculum(make_mixture(sources, {"robot": 1.0, "human": 0.0}, batch_size=size), points)
    g = np.arange(first_batch * size, (first_batch + 20) * size)
    source, step = MixtureSampler(mixture).samples(g)
    quotas = source.reshape(-1, size).sum(axis=1)
    for batch in range(20):
        begin = (first_batch + batch) * size
        share = integral(points, begin + size) - integral(points, begin)
        # A difference of two roundings.
        assert abs(int(quotas[batch]) - share) < 1
        carried = integral(points, begin + size) - integral(points, first_batch * size)
        assert abs(int(quotas[: batch + 1].sum()) - carried) < 1
    # Within a pass no step comes twice: any as many draws in a row as there are steps touch two passes at most.
    for index, num_steps in enumerate(sizes):
        drawn = step[source == index]
        counts = np.bincount(drawn, minlength=num_steps)
        assert counts.max(initial=0) <= math.ceil(len(drawn) / num_steps) + 1
    alone = [MixtureSampler(mixture).samples([each]) for each in g[:5].tolist()]
    np.testing.assert_array_equal(np.concatenate(alone, axis=1), np.stack([source, step])[:, :5])


def test_what_the_group_leaves_is_shared_by_the_others_as_their_ratios_say() -> None:
    sources = [mixture_source(name, name, 50) for name in ("robot", "human", "sim")]
    curriculum = Curriculum(
        group="robot",
        points=(CurriculumPoint(sample=0, ratio=1.0), CurriculumPoint(sample=10_000, ratio=0.2)),
        others={"human": 0.75, "sim": 0.25},
    )
    mixture = make_mixture(sources, {"robot": 1.0, "human": 0.0, "sim": 0.0})
    content = mixture.model_dump() | {"curriculum": curriculum, "groups": curriculum.ratios(0.2)}
    mixture = Mixture.model_validate(content)
    counts = np.bincount(MixtureSampler(mixture).samples(np.arange(10_000))[0], minlength=3)
    # On average 0.6 of the first 10,000, to a rounding each.
    np.testing.assert_allclose(counts, [6000, 3000, 1000], atol=2)
    np.testing.assert_allclose(np.array(source_shares(mixture, 10_000)) * 10_000, counts, atol=2)


def test_ratios_in_seconds_and_episodes_become_shares_of_samples() -> None:
    slow, fast = mixture_source("slow", "human", 150), mixture_source("fast", "robot", 600)
    slow, fast = slow.model_copy(update={"rate_hz": 15.0}), fast.model_copy(update={"rate_hz": 30.0})
    fast = fast.model_copy(update={"training": fast.training.model_copy(update={"num_episodes": 2})})
    mixture = make_mixture([slow, fast], {"human": 0.5, "robot": 0.5})
    # As much time of both: two samples at 30 Hz for one at 15 Hz. As many episodes: 300 samples for 150.
    for unit, expected in (("samples", 1 / 2), ("seconds", 2 / 3), ("episodes", 2 / 3)):
        other = Mixture.model_validate(mixture.model_dump() | {"unit": unit})
        assert float(group_shares(other, other.groups)["robot"]) == pytest.approx(expected)
        drawn = MixtureSampler(other).samples(np.arange(3000))[0]
        assert drawn.sum() == round(3000 * expected)
    changing = with_curriculum(mixture, [(0, 0.0), (1000, 0.5)], "seconds")
    # Linear in samples from 0 to 2/3.
    assert MixtureSampler(changing).samples(np.arange(1000))[0].sum() == pytest.approx(1000 / 3, abs=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"points": [{"sample": 5, "ratio": 0.5}, {"sample": 5, "ratio": 0.1}]}, "must increase"),
        ({"points": [{"sample": 0, "ratio": 0.5}, {"sample": 2**32, "ratio": 0.1}]}, "put one between"),
        ({"points": [{"sample": 0, "ratio": 0.1234567}]}, "at most 6 decimals"),
        ({"group": "human"}, "cannot be among the others"),
        ({"others": {"human": 0.5}}, "must sum to 1"),
        ({"points": [{"sample": 0, "ratio": 0.25}]}, "after the curriculum's last point"),
        ({"group": "robbot"}, "after the curriculum's last point"),
    ],
)
def test_a_curriculum_that_makes_no_sense_is_an_error(changes: dict[str, object], message: str) -> None:
    sources = [mixture_source("a", "human", 5), mixture_source("b", "robot", 5)]
    mixture = with_curriculum(make_mixture(sources, {"robot": 1.0, "human": 0.0}), [(0, 0.9), (10, 0.5)])
    content = mixture.model_dump(mode="json")
    content["curriculum"] |= changes
    with pytest.raises(DatasetError, match=message):
        parse_document(Mixture, content, "mixture.json", DatasetError)


def test_a_manifest_without_the_newer_fields_keeps_its_hash() -> None:
    """The expected one was computed by the version before them."""
    mixture = make_mixture([mixture_source("a", "robot", 5)], {"robot": 1.0})
    content = mixture.model_dump(mode="json") | {"schema_version": "1.1", "tool_version": "0.1"}
    del content["curriculum"], content["sources"][0]["rate_hz"]
    read = parse_document(Mixture, content, "mixture.json")
    assert read.manifest_sha256 == "f144c0cd253bcd1dca148def0176735939736e02b14306916334dbf74bcfc95f"
