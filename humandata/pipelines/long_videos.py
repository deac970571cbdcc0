"""The order of the work: all videos, then the parts of the long ones, then what joins them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from humandata.dataset.records import InputRecord
from humandata.pipelines.extract_stage import ExtractStage, JoinStage, LongVideo, LookStage, VideoPart
from humandata.pipelines.job_progress import JobProgress
from humandata.pipelines.runner import Runner
from humandata.pipelines.stage import Outcome
from humandata.pipelines.video_item import VideoItem


@dataclass(frozen=True)
class VideoStages:
    """What is done with videos, and with the parts of long ones."""

    extract: ExtractStage
    look: LookStage
    join: JoinStage

    def run(
        self, runner: Runner, videos: Sequence[VideoItem], progress: JobProgress
    ) -> Iterator[Outcome[VideoItem, InputRecord]]:
        """The outcome of each video, once. A part that fails costs that part; one that finds no disk ends the video."""
        long = []
        for outcome in runner.run(self.extract, videos, progress.watch):
            if isinstance(outcome.result, LongVideo):
                long.append(outcome.result)
            else:
                yield Outcome(outcome.item, outcome.result, outcome.error, outcome.log, outcome.is_fatal)
        failures: dict[str, list[tuple[int, str]]] = defaultdict(list)
        parts = [VideoPart(video.item, video.identity, part) for video in long for part in video.parts]
        num_frames = {video.item.input: sum(part.num_frames for part in video.parts) for video in long}

        def watch_part(worker: str, part: VideoPart | None) -> None:
            progress.begin(worker, part.input if part else None, part.part.words if part else "")

        def watch_joining(worker: str, video: LongVideo | None) -> None:
            progress.begin(worker, video.item.input if video else None, "its parts are joined")

        for done in runner.run(self.look, parts, watch_part):
            if done.error is not None and done.is_fatal:
                yield Outcome(done.item.item, None, done.error, done.log, is_fatal=True)
            elif done.error is not None:
                failures[done.item.input].append((done.item.part.index, done.error))
            progress.finish_part(done.item.input, done.item.part.num_frames / max(1, num_frames[done.item.input]))
        whole = [replace(video, failures=tuple(sorted(failures[video.item.input]))) for video in long]
        for joined in runner.run(self.join, whole, watch_joining):
            yield Outcome(joined.item.item, joined.result, joined.error, joined.log, joined.is_fatal)
