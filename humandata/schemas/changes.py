"""Changes to a document as they are typed: `--set section.key=value`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml

from humandata.errors import UsageError


def apply_changes(content: dict[str, Any], changes: Iterable[str]) -> dict[str, Any]:
    """Make `key=value` changes to a document's content, in place; values are read as YAML. Raises UsageError."""
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals or not key:
            raise UsageError(f"--set {change}: expected key=value.")
        *sections, last = key.strip().split(".")
        target: Any = content
        for section in sections:
            target = target.setdefault(section, {}) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise UsageError(f"--set {change}: '{'.'.join(sections)}' has no keys of its own.")
        try:
            target[last] = yaml.safe_load(text)
        except yaml.YAMLError:
            raise UsageError(f"--set {change}: '{text}' is not a valid value.") from None
    return content
