"""A stage for tests of clusters, which writes real shards."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from builders import make_episode
from patience import wait_until

from humandata.dataset.records import InputRecord
from humandata.dataset.write import InputIdentity, write_input
from humandata.pipelines.stage import Needs


@dataclass
class Sharding:
    """Writes an episode of each numbered item into a source; some items wait until a file is there."""

    source: Path
    waits: dict[str, Path] = field(default_factory=dict)
    name: str = "sharding"
    needs: Needs = field(default_factory=Needs)

    def setup(self) -> None:
        pass

    def close(self) -> None:
        pass

    def process(self, item: str) -> InputRecord:
        if item in self.waits:
            wait_until(self.waits[item].exists)
        episode = make_episode(int(item), num_steps=4)
        return write_input(self.source, InputIdentity(item, episode.input_sha256, 1, 1), "r" * 64, [episode])
