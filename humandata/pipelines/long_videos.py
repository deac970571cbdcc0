"""The order of the work: all videos, then the parts of the long ones, each video joined when its last part is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from humandata.dataset.records import InputRecord
from humandata.pipelines.extract_stage import ExtractStage, LongVideo, PartsStage, VideoPart
from humandata.pipelines.job_progress import JobProgress
from humandata.pipelines.runner import Runner
from humandata.pipelines.stage import Outcome
from humandata.pipelines.video_item import VideoItem


@dataclass(frozen=True)
class VideoStages:
    """What is done with videos, and with the parts of long ones."""

    extract: ExtractStage
    parts: PartsStage

    def run(
        self, runner: Runner, videos: Sequence[VideoItem], progress: JobProgress
    ) -> Iterator[Outcome[VideoItem, InputRecord]]:
        """The outcome of each video, once. A part that fails costs that part; one that finds no disk ends the video.

        A video is joined before the parts of further ones are begun, so that what was seen in parts takes up no more
        room than the videos being worked on.
        """
        long = {}
        for outcome in runner.run(self.extract, videos, progress.watch):
            if isinstance(outcome.result, LongVideo):
                long[outcome.item.input] = _Open(outcome.result)
            else:
                yield Outcome(outcome.item, outcome.result, outcome.error, outcome.log, outcome.is_fatal)

        def watch(worker: str, item: VideoPart | LongVideo | None) -> None:
            what = item.part.words if isinstance(item, VideoPart) else "its parts are joined"
            progress.begin(worker, item.item.input if item else None, what if item else "")

        def more(outcome: Outcome[VideoPart | LongVideo, InputRecord | None]) -> Sequence[VideoPart | LongVideo]:
            if isinstance(outcome.item, LongVideo):
                return []
            progress.finish_part(outcome.item.item.input, long[outcome.item.item.input].share(outcome.item))
            return long[outcome.item.item.input].close(outcome.item.part.index, outcome.error)

        parts: list[VideoPart | LongVideo] = [
            VideoPart(each.video.item, each.video.identity, part) for each in long.values() for part in each.video.parts
        ]
        for done in runner.run(self.parts, parts, watch, more):
            if isinstance(done.item, LongVideo) or done.is_fatal:
                yield Outcome(done.item.item, done.result, done.error, done.log, done.is_fatal)


@dataclass
class _Open:
    """A long video whose parts are being looked at."""

    video: LongVideo
    closed: set[int] = field(default_factory=set)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def share(self, part: VideoPart) -> float:
        """How much of the video a part is."""
        return part.part.num_frames / max(1, sum(each.num_frames for each in self.video.parts))

    def close(self, index: int, error: str | None) -> list[LongVideo]:
        """Note that a part was looked at; the video, once that was the last one."""
        self.closed.add(index)
        if error is not None:
            self.failures.append((index, error))
        if len(self.closed) < len(self.video.parts):
            return []
        return [replace(self.video, failures=tuple(sorted(self.failures)))]
