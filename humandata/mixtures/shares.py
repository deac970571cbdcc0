"""Which share of the samples each group and each source gets, whatever unit the manifest's ratios count in.

A sample is one step. In a source of n steps it stands for 1/n of the source's episodes or seconds, so a share of time
or of episodes becomes a share of samples by the steps that there are to a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from humandata.mixtures.schedule import Schedule, schedule
from humandata.schemas.mixture import RATIO_DECIMALS, Curriculum, Mixture, MixtureSource, StepCounts, Unit

STEPS_OF_REPORT = 100_000
"""What a mixture amounts to is told of this many training steps, each of one batch."""


def exact(number: float) -> Fraction:
    """The fraction a person means by a decimal: 0.8 is 4/5, not its nearest binary number."""
    return Fraction(repr(number))


def size_in(unit: Unit, training: StepCounts, rate_hz: float | None) -> Fraction:
    """How many samples, episodes or seconds the training steps of a source are."""
    if unit == "episodes":
        return Fraction(training.num_episodes)
    if unit == "seconds" and training.num_steps:
        assert rate_hz is not None, "a manifest in seconds knows the rates of its sources"
        return Fraction(training.num_steps) / exact(rate_hz)
    return Fraction(training.num_steps)


def default_weight(size: Fraction, size_alpha: float) -> float:
    """A source's share within its group: size^alpha, to six digits where it is not whole, so that it reads well."""
    if size_alpha == 1.0 and size.denominator == 1:
        return float(size)
    return float(f"{float(size) ** size_alpha:.6g}") if size else 0.0


def source_weights(mixture: Mixture) -> list[Fraction]:
    """What each source's share of its group's samples is proportional to; 0 without training steps."""
    return [exact(source.weight) * _samples_in_unit(mixture.unit, source) for source in mixture.sources]


def group_shares(mixture: Mixture, ratios: Mapping[str, float]) -> dict[str, Fraction]:
    """The share of the samples of each group whose ratio, in the manifest's unit, is above 0."""
    weights = source_weights(mixture)
    shares = {}
    for group, ratio in sorted(ratios.items()):
        members = [index for index, source in enumerate(mixture.sources) if source.group == group and weights[index]]
        if ratio > 0:
            total = sum(exact(mixture.sources[index].weight) for index in members)
            shares[group] = exact(ratio) * sum(weights[index] for index in members) / total
    return {group: share / sum(shares.values()) for group, share in shares.items()}


def group_schedule(mixture: Mixture, curriculum: Curriculum) -> Schedule:
    """The schedule of the share of the samples of the group that changes."""
    shares = [
        (point.sample, group_shares(mixture, curriculum.ratios(point.ratio)).get(curriculum.group, Fraction(0)))
        for point in curriculum.points
    ]
    return schedule([(sample, round(float(share), RATIO_DECIMALS)) for sample, share in shares])


def source_shares(mixture: Mixture, num_samples: int | None = None) -> list[float]:
    """The share of the first `num_samples` samples (by default of STEPS_OF_REPORT batches) that each source gets.

    Without a curriculum they are the same for any number.
    """
    num_samples = num_samples or mixture.batch_size * STEPS_OF_REPORT
    groups = group_shares(mixture, mixture.groups)
    if mixture.curriculum is not None:
        own = exact(group_schedule(mixture, mixture.curriculum).mean_share(num_samples))
        others = group_shares(mixture, mixture.curriculum.others)
        groups = {mixture.curriculum.group: own} | {name: (1 - own) * share for name, share in others.items()}
    weights = source_weights(mixture)
    totals: dict[str, Fraction] = {}
    for source, weight in zip(mixture.sources, weights, strict=True):
        totals[source.group] = totals.get(source.group, Fraction(0)) + weight
    return [
        float(groups.get(source.group, 0) * weight / totals[source.group]) if weight else 0.0
        for source, weight in zip(mixture.sources, weights, strict=True)
    ]


def _samples_in_unit(unit: Unit, source: MixtureSource) -> Fraction:
    """Steps to a unit of a source, to twelve digits, so that fractions of many sources stay short."""
    if unit == "samples" or not source.training.num_steps:
        return Fraction(bool(source.training.num_steps))
    return Fraction(f"{float(source.training.num_steps / size_in(unit, source.training, source.rate_hz)):.12g}")
