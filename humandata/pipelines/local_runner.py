"""Running a stage in this process, one item after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from humandata.pipelines.stage import ItemT, Outcome, ResultT, Stage, attempt


def run_locally(stage: Stage[ItemT, ResultT], items: Sequence[ItemT]) -> Iterator[Outcome[ItemT, ResultT]]:
    """Outcomes in the order of the items."""
    if not items:
        return
    stage.setup()
    try:
        for item in items:
            yield attempt(stage, item)
    finally:
        stage.close()
