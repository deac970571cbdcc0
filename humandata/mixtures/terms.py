"""The terms of a mixture that a user may set, one row for each, and options changed by those that are set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from humandata.mixtures.option_text import parse_assignments, parse_curriculum, parse_groups
from humandata.mixtures.options import ROBOT, MixOptions
from humandata.schemas.mixture import ActionSpace


def _as_typed(value: Any) -> object:
    return value


@dataclass(frozen=True)
class Term:
    """One field of `MixOptions`, or of its `ActionSpace`."""

    name: str
    """The option of `humandata mix` that sets it; words where there is none."""
    read: Callable[[Any], object] = _as_typed
    """The field's value from what is typed: texts, numbers, or lists of texts."""
    by_source: bool = False
    """Each source has its own, so that what is set adds to what is known of others."""

    @property
    def parameter(self) -> str:
        """What `humandata mix` calls the option in its signature."""
        return self.name.removeprefix("--").replace("-", "_")


TERMS: Mapping[str, Term] = {
    "robot_ratio": Term("--robot-ratio"),
    "curriculum": Term("--curriculum", partial(parse_curriculum, default_group=ROBOT)),
    "ratios": Term("--ratio", partial(parse_assignments, "--ratio", what="GROUP")),
    "groups": Term("--group", parse_groups, by_source=True),
    "unit": Term("--unit", "{}s".format),
    "batch_size": Term("--batch-size"),
    "horizon": Term("--horizon"),
    "rate_hz": Term("--rate"),
    "human_gripper": Term("--human-gripper"),
    "image_size_px": Term("the size of images"),
    "image_fit": Term("the fit of images"),
    "held_out_fraction": Term("--held-out"),
    "split": Term("--split"),
    "seed": Term("--seed"),
    "max_repeats": Term("--max-repeats"),
    "weights": Term("--weight", partial(parse_assignments, "--weight"), by_source=True),
    "size_alpha": Term("--size-alpha"),
    "where": Term("--where"),
    "tasks": Term("--tasks", tuple),
    "slowdowns": Term("--slowdown", partial(parse_assignments, "--slowdown"), by_source=True),
    "static_cameras": Term("--static-camera", tuple, by_source=True),
    "mask_rotations": Term("--mask-rotation", tuple, by_source=True),
}
"""By field."""


def read_terms(typed: Mapping[str, Any]) -> dict[str, Any]:
    """Values by field of what is typed, by parameter of the command; UsageError where a text is not of its form."""
    return {field: term.read(typed[term.parameter]) for field, term in TERMS.items() if term.parameter in typed}


def term_value(options: MixOptions, field: str) -> Any:
    """What the options say of a term."""
    return getattr(options.action_space if field in ActionSpace.model_fields else options, field)


def with_terms(options: MixOptions, given: Mapping[str, Any]) -> MixOptions:
    """The options with the values of `given`, by field; what is given by source adds to theirs."""
    values: dict[str, Any] = {
        field: _joined(term_value(options, field), value) if TERMS[field].by_source else value
        for field, value in given.items()
    }
    in_space = {field: values.pop(field) for field in ActionSpace.model_fields if field in values}
    return replace(options, **values, action_space=options.action_space.model_copy(update=in_space))


def _joined(known: Any, given: Any) -> Any:
    """Two values by source, or two lists of sources, as one."""
    return {**known, **given} if isinstance(given, Mapping) else tuple(dict.fromkeys((*known, *given)))
