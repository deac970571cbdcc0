"""Which episodes of a source take part: an SQL condition over their table, and names of tasks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from humandata.errors import UsageError

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa


def select_episodes(episodes: pa.Table, where: str | None, tasks: Sequence[str]) -> frozenset[str]:
    """The ids of the episodes that satisfy both: all of them where neither is asked for.

    `where` is what stands behind WHERE in SQL over the columns of `episodes.parquet`, with the figures of `quality` as
    columns `quality_<name>`; a task is chosen where it matches one of `tasks`, in which * and ? stand for any text and
    any letter. Raises UsageError where the condition is not understood.
    """
    import polars as pl  # a tenth of a second that only those pay who choose

    frame = _with_quality(
        pl.DataFrame(episodes.drop_columns(["quality"])), episodes, re.findall(r"\bquality_(\w+)", where or "")
    )
    if where is not None:
        try:
            # The condition is the user's own, and all that it can reach is this table.
            frame = pl.SQLContext(episodes=frame).execute(f"SELECT * FROM episodes WHERE {where}", eager=True)  # noqa: S608
        except (pl.exceptions.PolarsError, TypeError) as failure:
            raise UsageError(
                f"--where {where}: {str(failure).splitlines()[0].split(';')[0]}. It is a condition in SQL, such as "
                f"\"scale = 'metric' AND num_steps > 30\", over these columns: {', '.join(frame.columns)}."
            ) from None
    rows = zip(frame["id"].to_list(), frame["task"].to_list(), strict=True)
    return frozenset(
        episode_id for episode_id, task in rows if not tasks or any(fnmatchcase(task or "", each) for each in tasks)
    )


def _with_quality(frame: pl.DataFrame, episodes: pa.Table, wanted: Sequence[str]) -> pl.DataFrame:
    """With the figures of `quality` as columns; those `wanted` that this source does not have are null."""
    import polars as pl

    rows = [dict(row or ()) for row in episodes.column("quality").to_pylist()]
    names = sorted({*wanted, *(name for row in rows for name in row)})
    return frame.with_columns(
        pl.Series(f"quality_{name}", [row.get(name) for row in rows], dtype=pl.Float64) for name in names
    )
