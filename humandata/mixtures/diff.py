"""What changed from one manifest to another, in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from humandata.actions import ACTION_LAYOUT, STATE_LAYOUT
from humandata.mixtures.shares import source_shares
from humandata.mixtures.statistics import MIN_RANGE
from humandata.schemas.mixture import Mixture, MixtureSource, Statistics

SMALL_MOVE = 0.01
"""Statistics that move by less than this share of the width of q01..q99 are not told."""
_KINDS = ("ratios", "terms", "sources", "steps", "shares", "statistics")


@dataclass(frozen=True)
class Change:
    """One difference. `before` and `after` are spelled for people; None where there is nothing."""

    about: str
    """ratios | terms | sources | steps | shares | statistics."""
    what: str
    before: str | None
    after: str | None

    def in_words(self) -> str:
        """As one line."""
        if self.before is None:
            return f"{self.what}: added ({self.after})" if self.after else f"{self.what}: added"
        if self.after is None:
            return f"{self.what}: removed ({self.before})" if self.before else f"{self.what}: removed"
        return f"{self.what}: {self.before} -> {self.after}"


def difference(old: Mixture, new: Mixture) -> list[Change]:
    """Every change, the ones that were asked for before what follows from them; none for the same manifest."""
    old_sources, new_sources = _by_name(old), _by_name(new)
    changes = _ratios(old, new) + _terms(old, new)
    for name in sorted(old_sources.keys() | new_sources.keys()):
        changes += _source(name, old_sources.get(name), new_sources.get(name))
    changes += _shares(old, new)
    for name in sorted(old.normalization.keys() | new.normalization.keys()):
        before, after = old.normalization.get(name), new.normalization.get(name)
        if before is None or after is None:
            changes.append(
                Change("statistics", f"normalisation of {name}", "" if before else None, "" if after else None)
            )
            continue
        for part, layout in (("state", STATE_LAYOUT), ("action", ACTION_LAYOUT)):
            changes += _statistics(f"{name}, {part}", layout, getattr(before, part), getattr(after, part))
    if old.index.sha256 != new.index.sha256 and not any(change.about == "steps" for change in changes):
        changes.append(
            Change("steps", "eligible steps", old.index.sha256[:12], f"{new.index.sha256[:12]}: as many, but others")
        )
    return sorted(changes, key=lambda change: _KINDS.index(change.about))


def _ratios(old: Mixture, new: Mixture) -> list[Change]:
    changes = _compare("ratios", "unit of ratios and weights", old.unit, new.unit)
    for group in sorted(old.groups.keys() | new.groups.keys()):
        before, after = old.groups.get(group), new.groups.get(group)
        changes += _compare("ratios", f"ratio of {group}", _number(before), _number(after))
    return changes + _compare("ratios", "curriculum", _curriculum(old), _curriculum(new))


def _terms(old: Mixture, new: Mixture) -> list[Change]:
    terms: list[tuple[str, Callable[[Mixture], object]]] = [
        ("horizon of a chunk", lambda each: each.action_space.horizon),
        ("rate of a chunk, Hz", lambda each: f"{each.action_space.rate_hz:g}"),
        ("human gripper", lambda each: each.action_space.human_gripper),
        ("batch size", lambda each: each.batch_size),
        ("seed", lambda each: each.seed),
        ("image size, px", lambda each: each.image_size_px),
        ("fit of images", lambda each: each.image_fit),
        ("max_repeats", lambda each: f"{each.max_repeats:g}"),
        ("condition on episodes", lambda each: each.selection.where or "none"),
        ("tasks", lambda each: ", ".join(each.selection.tasks) or "all"),
        ("split by", lambda each: each.split.unit),
        ("share held out", lambda each: f"{each.split.held_out_fraction:g}"),
        ("schema version", lambda each: each.schema_version),
        ("tool version", lambda each: each.tool_version),
    ]
    return [change for what, of in terms for change in _compare("terms", what, str(of(old)), str(of(new)))]


def _source(name: str, old: MixtureSource | None, new: MixtureSource | None) -> list[Change]:
    what = f"source {name}"
    if old is None or new is None:
        present = old or new
        assert present is not None, "a name is of one of both"
        told = f"{present.group}, {present.training.num_steps} training steps"
        return [Change("sources", what, told if old else None, told if new else None)]
    changes = _compare("sources", f"{what}, content (fingerprint)", old.fingerprint[:12], new.fingerprint[:12])
    for field in ("path", "group", "weight", "slowdown", "static_camera", "mask_rotation"):
        before, after = getattr(old, field), getattr(new, field)
        changes += _compare("sources", f"{what}, {field.replace('_', ' ')}", _spell(before), _spell(after))
    changes += _compare("sources", f"{what}, median speed, m/s", _number(old.median_speed), _number(new.median_speed))
    for part in ("training", "held_out"):
        before, after = getattr(old, part), getattr(new, part)
        for counted in ("steps", "episodes"):
            numbers = (str(getattr(each, f"num_{counted}")) for each in (before, after))
            changes += _compare("steps", f"{what}, {part.replace('_', '-')} {counted}", *numbers)
    return changes


def _shares(old: Mixture, new: Mixture) -> list[Change]:
    """Of sources of both; a source that came or went is told as such."""
    shares = [dict(zip(_by_name(each), source_shares(each), strict=True)) for each in (old, new)]
    return [
        change
        for name in sorted(shares[0].keys() & shares[1].keys())
        for change in _compare("shares", f"source {name}, share of samples", *(f"{each[name]:.2%}" for each in shares))
    ]


def _statistics(what: str, layout: Mapping[str, slice], old: Statistics, new: Statistics) -> list[Change]:
    """The figures of each part of a vector, by its dimension that moved furthest, as a share of the old q01..q99."""
    changes = []
    width = np.maximum(np.subtract(old.q99, old.q01), MIN_RANGE)
    for part, where in layout.items():
        known = [any(each.num_values[where]) for each in (old, new)]
        if known[0] != known[1]:
            changes.append(Change("statistics", f"{what} {part}", *("known" if each else "masked" for each in known)))
            continue
        for figure in ("mean", "std", "q01", "q99"):
            before, after = np.array(getattr(old, figure)[where]), np.array(getattr(new, figure)[where])
            moved = np.abs(after - before) / width[where]
            dim = int(np.argmax(moved))
            if moved[dim] > SMALL_MOVE:
                place = f"{what} {part}[{dim}] {figure}"
                told = f"{after[dim]:.4g}, moved by {moved[dim]:.0%} of the width of q01..q99"
                changes.append(Change("statistics", place, f"{before[dim]:.4g}", told))
    return changes


def _compare(about: str, what: str, before: str | None, after: str | None) -> list[Change]:
    return [] if before == after else [Change(about, what, before, after)]


def _by_name(mixture: Mixture) -> dict[str, MixtureSource]:
    return {source.name: source for source in mixture.sources}


def _curriculum(mixture: Mixture) -> str | None:
    curriculum = mixture.curriculum
    if curriculum is None:
        return None
    points = ", ".join(f"{point.sample}:{point.ratio:g}" for point in curriculum.points)
    return f"{curriculum.group} {points}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.6g}"


def _spell(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
