"""JSON and YAML documents that people edit: read with errors that name the file, the field and the valid choices."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from humandata.errors import HumandataError, InputError
from humandata.storage import read_bytes

DocumentType = TypeVar("DocumentType", bound="Document")


class Document(BaseModel):
    """Base of every document: immutable, and an unknown field is an error rather than a silent no-op."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def parse_document(
    model: type[DocumentType], content: object, origin: str, error: type[HumandataError] = InputError
) -> DocumentType:
    """Validate `content`, as parsed from `origin`; raises `error` with a line for each field that is wrong."""
    if not isinstance(content, Mapping):
        raise error(f"{origin}: expected an object with named fields, found {type(content).__name__}.")
    try:
        return model.model_validate(content)
    except ValidationError as failure:
        # A misspelt field shows up as missing too; what was written comes first.
        ordered = sorted(failure.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
        problems = "; ".join(_describe(problem, model) for problem in ordered[:5])
        raise error(f"{origin}: {problems}{'' if problems.endswith('?') else '.'}") from None


def read_json(path: Path, error: type[HumandataError] = InputError) -> object:
    """The parsed JSON of a file; raises `error` naming the file where it is unreadable or not JSON."""
    try:
        text = read_bytes(path).decode()
        content: object = json.loads(text)
        if (
            "\\ud" in text.lower()
        ):  # an escaped half of a surrogate pair alone is no text that can be written or compared
            json.dumps(content, ensure_ascii=False).encode()
    except OSError as failure:
        raise error(f"{path}: cannot be read ({failure.strerror}).") from None
    except (ValueError, RecursionError) as failure:
        raise error(f"{path}: not valid JSON ({failure}).") from None
    return content


def read_document(model: type[DocumentType], path: Path, error: type[HumandataError] = InputError) -> DocumentType:
    """Read and validate one JSON document."""
    try:
        return model.model_validate_json(read_bytes(path))  # three times as fast as by way of Python's objects
    except (OSError, ValueError):
        pass  # what is wrong is told from the parsed document
    return parse_document(model, read_json(path, error), str(path), error)


def canonical_json(content: object) -> str:
    """One spelling for one content: sorted keys, no spaces. What is hashed is written like this."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _describe(problem: Mapping[str, Any], model: type[BaseModel]) -> str:
    location = ".".join(str(part) for part in problem["loc"]) or "the document"
    if problem["type"] == "missing":
        return f"field '{location}' is missing"
    if problem["type"] == "extra_forbidden":
        fields = _fields_at(model, problem["loc"][:-1])
        near = difflib.get_close_matches(str(problem["loc"][-1]), fields, n=1)
        hint = f", did you mean '{near[0]}'?" if near else f" (known: {', '.join(sorted(fields))})" if fields else ""
        return f"unknown field '{location}'{hint}"
    return f"field '{location}': {problem['msg']}"


def _fields_at(model: type[BaseModel], location: tuple[str | int, ...]) -> list[str]:
    """Names of the fields of the nested model at `location`; empty where the way leads through a mapping."""
    current: Any = model
    for part in location:
        if isinstance(part, int):  # a place in a list, whose items the step before found
            continue
        field = current.model_fields.get(part)
        nested = [field.annotation, *getattr(field.annotation, "__args__", ())] if field else []
        current = next((kind for kind in nested if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
        if current is None:
            return []
    return list(current.model_fields)
