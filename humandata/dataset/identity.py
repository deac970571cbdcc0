"""Names that follow from content, so that a rerun finds what an earlier run wrote."""

from __future__ import annotations

import hashlib

from humandata import __version__
from humandata.schemas.documents import canonical_json


def content_sha256(content: object) -> str:
    """SHA-256 of the canonical JSON of a document's content."""
    return hashlib.sha256(canonical_json(content).encode()).hexdigest()


def episode_id(input_sha256: str, start_ns: int, end_ns: int, recipe_sha256: str) -> str:
    """16 hex digits that follow from the input's content, the span, the recipe and the tool's version."""
    return content_sha256([input_sha256, start_ns, end_ns, recipe_sha256, __version__])[:16]


def input_key(name: str) -> str:
    """File-safe name, 16 hex digits, of an input's path relative to its source's root."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]
