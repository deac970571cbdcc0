"""The guide to the sidecar: its examples are valid, and it leaves no field out."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from humandata.schemas.sidecar import CameraPathFile, DepthSource, LensDistortion, SecondCamera, Sidecar

GUIDE = (Path(__file__).parents[2] / "docs" / "sidecar.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```json\n(.*?)```", GUIDE, flags=re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_sidecar(example: str) -> None:
    assert Sidecar.model_validate(json.loads(example)) != Sidecar()


def test_every_field_has_a_section_with_an_example() -> None:
    sections = re.findall(r"^## (\w+)$", GUIDE, flags=re.MULTILINE)
    assert set(sections) == set(Sidecar.model_fields)
    assert {name for example in EXAMPLES for name in json.loads(example)} == set(Sidecar.model_fields)


@pytest.mark.parametrize("model", [LensDistortion, DepthSource, SecondCamera, CameraPathFile])
def test_every_field_within_is_named(model: type[BaseModel]) -> None:
    assert {name for name in model.model_fields if name not in GUIDE} == set()
