"""Running a stage in this process, one item after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from humandata.pipelines.stage import THIS_PROCESS, ItemT, Outcome, ResultT, Stage, Watch, attempt


def run_locally(
    stage: Stage[ItemT, ResultT], items: Sequence[ItemT], watch: Watch[ItemT]
) -> Iterator[Outcome[ItemT, ResultT]]:
    """Outcomes in the order of the items."""
    stage.setup()
    try:
        for item in items:
            watch(THIS_PROCESS, item)
            yield attempt(stage, item)
        watch(THIS_PROCESS, None)
    finally:
        stage.close()
