"""The command's options, the table of terms and the options of a mixture say the same."""

from __future__ import annotations

import inspect
from dataclasses import fields
from enum import Enum
from pathlib import Path

import pytest
from typer.testing import CliRunner

from humandata.cli import app
from humandata.cli_mix import mix
from humandata.mixtures.options import MixOptions
from humandata.mixtures.terms import TERMS, read_terms, term_value, with_terms
from humandata.report import mixing
from humandata.schemas.mixture import ActionSpace, CurriculumPoint

OF_THE_COMMAND = {"context", "inputs", "out", "diff", "dry_run", "as_json"}
"""What `humandata mix` takes that is no term of the mixture."""


def test_every_field_has_its_row_and_every_row_its_option() -> None:
    assert TERMS.keys() == {field.name for field in fields(MixOptions)} - {"action_space"} | set(
        ActionSpace.model_fields
    )
    options = {term.parameter for term in TERMS.values() if term.name.startswith("--")}
    assert set(inspect.signature(mix).parameters) == options | OF_THE_COMMAND


@pytest.mark.parametrize("field", [field for field, term in TERMS.items() if term.name.startswith("--")])
def test_an_option_that_is_not_typed_is_shown_with_the_value_that_holds(field: str) -> None:
    shown = inspect.signature(mix).parameters[TERMS[field].parameter].default
    if isinstance(shown, Enum):
        shown = TERMS[field].read(shown.value)
    assert (shown or None) == (term_value(MixOptions(), field) or None)


def test_only_what_is_typed_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[object, ...]] = []
    monkeypatch.setattr(mixing, "run_mix", lambda *arguments: given.append(arguments))
    options = (
        "--ratio arms=0.7 --group bridge*=arms --curriculum 0:0.9,5:0.25 --unit second --batch-size 64 --rate 10 "
        "--human-gripper aperture --weight a=2 --weight b=3 --tasks p* --slowdown a=1.5 --static-camera a "
        "--mask-rotation b --held-out 0.4 --split scene"
    )
    assert CliRunner().invoke(app, ["mix", "here", *options.split()]).exit_code == 0
    assert CliRunner().invoke(app, ["mix", "--json"]).exit_code == 0
    points = (CurriculumPoint(sample=0, ratio=0.9), CurriculumPoint(sample=5, ratio=0.25))
    terms = {
        "ratios": {"arms": 0.7},
        "groups": {"bridge*": "arms"},
        "curriculum": ("robot", points),
        "unit": "seconds",
        "batch_size": 64,
        "rate_hz": 10.0,
        "human_gripper": "aperture",
        "weights": {"a": 2.0, "b": 3.0},
        "tasks": ("p*",),
        "slowdowns": {"a": 1.5},
        "static_cameras": ("a",),
        "mask_rotations": ("b",),
        "held_out_fraction": 0.4,
        "split": "scene",
    }
    assert given == [
        ([Path("here")], Path("mixture.json"), terms, False, False),
        ([Path("shards")], Path("mixture.json"), {}, False, True),
    ]


def test_what_is_given_by_source_adds_to_the_rest_and_all_else_replaces_it() -> None:
    options = with_terms(MixOptions(), {"weights": {"a": 1.0}, "static_cameras": ("a",), "ratios": {"x": 0.1}})
    changed = with_terms(
        options, {"weights": {"b": 2.0}, "static_cameras": ("b", "a"), "ratios": {"y": 0.2}, "horizon": 7}
    )
    assert changed == MixOptions(
        weights={"a": 1.0, "b": 2.0},
        static_cameras=("a", "b"),
        ratios={"y": 0.2},
        action_space=ActionSpace(horizon=7),
    )


def test_a_term_that_was_not_typed_is_not_read() -> None:
    assert read_terms({"ratio": ["robot=0.5"], "out": "elsewhere.json"}) == {"ratios": {"robot": 0.5}}
