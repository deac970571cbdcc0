"""The order of the work: all videos, then the parts of the long ones, then what joins them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from humandata.dataset.records import InputRecord
from humandata.pipelines.extract_stage import ExtractStage, JoinStage, LongVideo, LookStage, VideoPart
from humandata.pipelines.runner import Runner
from humandata.pipelines.stage import Outcome, Watch
from humandata.pipelines.video_item import VideoItem


@dataclass(frozen=True)
class VideoStages:
    """What is done with videos, and with the parts of long ones."""

    extract: ExtractStage
    look: LookStage
    join: JoinStage

    def run(
        self, runner: Runner, videos: Sequence[VideoItem], watch: Watch[VideoItem]
    ) -> Iterator[Outcome[VideoItem, InputRecord]]:
        """The outcome of each video, once. A part that fails costs that part; one that finds no disk ends the video."""
        long = []
        for outcome in runner.run(self.extract, videos, watch):
            if isinstance(outcome.result, LongVideo):
                long.append(outcome.result)
            else:
                yield Outcome(outcome.item, outcome.result, outcome.error, outcome.log, outcome.is_fatal)
        failures: dict[str, list[tuple[int, str]]] = defaultdict(list)
        parts = [VideoPart(video.item, video.identity, part) for video in long for part in video.parts]
        for done in runner.run(self.look, parts, lambda worker, part: watch(worker, part.item if part else None)):
            if done.error is not None and done.is_fatal:
                yield Outcome(done.item.item, None, done.error, done.log, is_fatal=True)
            elif done.error is not None:
                failures[done.item.input].append((done.item.part.index, done.error))
        whole = [replace(video, failures=tuple(sorted(failures[video.item.input]))) for video in long]
        for joined in runner.run(self.join, whole, lambda worker, video: watch(worker, video.item if video else None)):
            yield Outcome(joined.item.item, joined.result, joined.error, joined.log, joined.is_fatal)
