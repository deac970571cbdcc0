"""Running a stage in this process, one item after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from humandata.pipelines.stage import (
    THIS_PROCESS,
    ItemT,
    More,
    Outcome,
    ResultT,
    Stage,
    Watch,
    attempt,
    nothing_more,
)


def run_locally(
    stage: Stage[ItemT, ResultT], items: Sequence[ItemT], watch: Watch[ItemT], more: More[ItemT, ResultT] = nothing_more
) -> Iterator[Outcome[ItemT, ResultT]]:
    """Outcomes in the order of the items."""
    waiting = deque(items)
    stage.setup()
    try:
        while waiting:
            item = waiting.popleft()
            watch(THIS_PROCESS, item)
            outcome = attempt(stage, item)
            waiting.extendleft(more(outcome))
            yield outcome
        watch(THIS_PROCESS, None)
    finally:
        stage.close()
