"""The eligible steps of a mixture: a companion file of the manifest, memory-mapped, in which steps have numbers.

It holds a row for each span of eligible steps, in order of source, part (training, held out),
episode id and time. Within a source's part the steps are numbered from 0: what the sampler draws.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike

from humandata.arrays import Int32Array, IntArray
from humandata.errors import DatasetError
from humandata.schemas.mixture import IndexRecord, Mixture, StepCounts

SPAN_SCHEMA = pa.schema(
    [
        pa.field("source", pa.int32(), nullable=False),
        pa.field("held_out", pa.int8(), nullable=False),
        pa.field("start", pa.int64(), nullable=False),
        pa.field("stop", pa.int64(), nullable=False),
        pa.field("first_record", pa.int64(), nullable=False),
        pa.field("num_steps", pa.int64(), nullable=False),
        pa.field("episode", pa.string(), nullable=False),
        pa.field("task", pa.string(), nullable=False),
        pa.field("embodiment", pa.string(), nullable=False),
    ]
)
"""A span of eligible steps `start` to `stop` of an episode of `num_steps`, whose records in its source's pack begin at
`first_record`; `task` is "" where unknown."""


@dataclass(frozen=True)
class Located:
    """N steps: the span (N,) that each lies in, a row of the index, and its number within its episode (N,)."""

    span: IntArray
    step: IntArray


class StepIndex:
    """Finds steps by number. In memory are eight bytes a span; the file's own pages are shared between processes."""

    def __init__(self, table: pa.Table, num_sources: int) -> None:
        self.table = table
        self.source = _column(table, "source")
        self.start = _column(table, "start")
        self.first_record = _column(table, "first_record")
        self.num_steps = _column(table, "num_steps")
        self._before = np.concatenate([[0], np.cumsum(_column(table, "stop") - self.start)])
        part = self.source.astype(np.int64) * 2 + _column(table, "held_out")
        self._edges = np.searchsorted(part, np.arange(2 * num_sources + 1))

    def counts(self, source: int, held_out: bool) -> StepCounts:
        """Steps and episodes of a source's part."""
        spans = self.spans(source, held_out)
        return StepCounts(
            num_steps=int(self._before[spans.stop] - self._before[spans.start]),
            num_episodes=int(np.count_nonzero(np.diff(self.first_record[spans], prepend=-1))),
        )

    def spans(self, source: int, held_out: bool) -> slice:
        """The rows of a source's part."""
        part = 2 * source + held_out
        return slice(int(self._edges[part]), int(self._edges[part + 1]))

    def num_steps_of_spans(self, spans: slice) -> IntArray:
        """Eligible steps (M,) of some rows."""
        return np.diff(self._before[spans.start : spans.stop + 1])

    def episodes(self, source: int) -> pa.Array:
        """The ids of a source's episodes that take part, each once."""
        start, stop = self.spans(source, False).start, self.spans(source, True).stop
        return self.table.column("episode").slice(start, stop - start).unique()

    def locate(self, source: ArrayLike, number: ArrayLike, held_out: bool = False) -> Located:
        """Steps by number (N,) within the training or held-out part of their source (N,)."""
        first_span = self._edges[2 * np.asarray(source, dtype=np.int64) + held_out]
        wanted = self._before[first_span] + np.asarray(number, dtype=np.int64)
        span = np.searchsorted(self._before, wanted, side="right") - 1
        return Located(span, self.start[span] + wanted - self._before[span])

    def every(self, source: int, held_out: bool, stride: int) -> Located:
        """Every `stride`-th eligible step of each episode of a source's part, beginning with its first."""
        spans = self.spans(source, held_out)
        number = np.arange(self._before[spans.start], self._before[spans.stop])
        located = self.locate(np.full(len(number), source), number - self._before[spans.start], held_out)
        episode = self.first_record[located.span]
        begins = np.flatnonzero(np.diff(episode, prepend=-1))
        rank = np.arange(len(number)) - np.repeat(begins, np.diff(begins, append=len(number)))
        return Located(located.span[rank % stride == 0], located.step[rank % stride == 0])

    def categories(self, column: str) -> tuple[Int32Array, pa.Array]:
        """`task` or `embodiment` of every span as a number (R,), and the texts that the numbers count in."""
        encoded = self.table.column(column).combine_chunks().dictionary_encode()
        return np.frombuffer(encoded.indices.buffers()[1], np.int32, len(encoded)), encoded.dictionary

    def texts(self, column: str, span: IntArray) -> list[str]:
        """`episode`, `task` or `embodiment` of spans (N,)."""
        values: list[str] = self.table.column(column).take(pa.array(span)).to_pylist()
        return values


def index_bytes(parts: Sequence[pa.Table]) -> bytes:
    """The file of an index, of its sources' spans in the manifest's order; the same spans give the same bytes."""
    table = pa.concat_tables([SPAN_SCHEMA.empty_table(), *parts]).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, SPAN_SCHEMA) as writer:
        for batch in table.to_batches():
            writer.write_batch(batch)
    return bytes(sink.getvalue())


def parse_index(content: bytes | pa.Buffer, num_sources: int) -> StepIndex:
    """The index in a file's content, without a copy; DatasetError where it is none."""
    try:
        table = pa.ipc.open_file(pa.py_buffer(content)).read_all()
        table.validate()
    except (OSError, ValueError, pa.ArrowException) as failure:
        raise DatasetError(f"an index of a mixture that cannot be read ({str(failure).splitlines()[0]})") from None
    if table.schema != SPAN_SCHEMA:
        raise DatasetError("an index of a mixture with other columns than this version reads")
    return StepIndex(table, num_sources)


def open_index(mixture: Mixture, folder: Path) -> StepIndex:
    """The index of a manifest that lies in `folder`; DatasetError where it is missing or not the one it names."""
    path = folder / mixture.index.file
    again = "Make the mixture again with `humandata mix`."
    if not path.exists():
        raise DatasetError(f"{path}: the index of the mixture is missing. Bring it back beside the manifest. {again}")
    content = pa.memory_map(str(path)).read_buffer()
    if hashlib.sha256(content).hexdigest() != mixture.index.sha256:
        raise DatasetError(f"{path}: is not the index that the manifest names: its content changed. {again}")
    index = parse_index(content, len(mixture.sources))
    for number, source in enumerate(mixture.sources):
        for part, told in (("training", source.training), ("held_out", source.held_out)):
            found = index.counts(number, part == "held_out")
            if told != found:
                raise DatasetError(
                    f"{path}: source '{source.name}' has {part} {found.num_steps} steps of {found.num_episodes} "
                    f"episodes, but the manifest says num_steps {told.num_steps} of {told.num_episodes}. {again}"
                )
    return index


def index_record(content: bytes) -> IndexRecord:
    """How a manifest names its index: after what it holds, so that a manifest written anew spoils no older one."""
    sha256 = hashlib.sha256(content).hexdigest()
    return IndexRecord(file=f"mixture-{sha256[:16]}.index.arrow", sha256=sha256)


def _column(table: pa.Table, name: str) -> IntArray:
    """A column of whole numbers without nulls: a view where it is in one piece. (`to_numpy` would import pandas.)"""
    column = table.column(name)
    dtype = np.dtype(str(column.type))
    pieces = [
        np.frombuffer(chunk.buffers()[1], dtype, len(chunk), chunk.offset * dtype.itemsize) for chunk in column.chunks
    ]
    return pieces[0] if len(pieces) == 1 else np.concatenate([np.zeros(0, dtype), *pieces])
