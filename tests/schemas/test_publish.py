from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from humandata.schemas.publish import published

ROOT = Path(__file__).parents[2]


def test_the_published_contracts_are_those_of_the_code() -> None:
    on_disk = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "schemas").glob("*.json")}
    assert on_disk == published(), "run `make schemas`"


def test_a_step_file_has_the_published_columns(shards: Path) -> None:
    contract = json.loads(published()["steps.json"])
    for path in shards.glob("*/data/*.parquet"):
        schema = pq.read_schema(path)
        assert [(field.name, str(field.type)) for field in schema] == [
            (column["name"], column["type"]) for column in contract["columns"]
        ]
        position = schema.field("right_ee_position")
        assert position.metadata[b"unit"] == b"m"
        assert position.metadata[b"frame"] == b"world"
