"""The published contracts: JSON files in the root folder `schemas/`, generated from the code that enforces them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from humandata.schemas.columns import EPISODE_COLUMNS, REJECTED_COLUMNS, SCHEMA_VERSION, STEP_COLUMNS, Column
from humandata.schemas.mixture import Mixture
from humandata.schemas.sidecar import Sidecar
from humandata.schemas.source import Source

TABLES: dict[str, tuple[Column, ...]] = {
    "steps": STEP_COLUMNS,
    "episodes": EPISODE_COLUMNS,
    "rejected": REJECTED_COLUMNS,
}
DOCUMENTS: dict[str, type[BaseModel]] = {"source": Source, "mixture": Mixture, "sidecar": Sidecar}


def published() -> dict[str, str]:
    """The text of each contract by file name: Parquet tables column by column, documents as JSON Schema."""
    contracts: dict[str, Any] = {f"{name}.json": _table(columns) for name, columns in TABLES.items()}
    contracts |= {f"{name}.schema.json": model.model_json_schema() for name, model in DOCUMENTS.items()}
    return {name: json.dumps(content, indent=2) + "\n" for name, content in contracts.items()}


def publish(folder: Path) -> list[Path]:
    """Write every contract into a folder; returns the files."""
    paths = []
    for name, text in published().items():
        path = folder / name
        path.write_text(text, encoding="utf-8")
        paths.append(path)
    return paths


def _table(columns: tuple[Column, ...]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "columns": [
            {
                "name": column.name,
                "type": str(column.type),
                "nullable": column.nullable,
                "unit": column.unit,
                "frame": column.frame,
                "shape": list(column.shape) if column.shape else None,
                "doc": column.doc,
            }
            for column in columns
        ],
    }
