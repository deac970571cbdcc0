"""A job on a Ray cluster of two nodes on this machine: one comes while it runs, and is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from folders import content
from ray.cluster_utils import Cluster
from sharding import Sharding

from humandata.errors import HumandataError
from humandata.pipelines.runner import open_runner

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
ITEMS = [f"{number:02}" for number in range(8)]
UNTIL_SECOND, DOOMED = ITEMS[1], ITEMS[2]


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head with room for one worker."""
    here = Path(__file__).parent
    monkeypatch.setenv("PYTHONPATH", f"{here}:{here.parent}")  # where the workers find the stage
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_health_check_initial_delay_ms", "0")  # of nodes that died; else it takes 15 seconds
    monkeypatch.setenv("RAY_health_check_period_ms", "200")
    started = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    yield started
    started.shutdown()  # type: ignore[no-untyped-call]


def test_a_node_that_comes_is_used_and_one_that_dies_loses_only_what_it_was_doing(
    cluster: Cluster, tmp_path: Path
) -> None:
    with open_runner(1) as alone:
        assert len(list(alone.run(Sharding(tmp_path / "alone"), ITEMS))) == len(ITEMS)
    second_at_work, killed = tmp_path / "second", tmp_path / "killed"
    stage = Sharding(tmp_path / "cluster", waits={UNTIL_SECOND: second_at_work, DOOMED: killed})
    begun: Counter[str] = Counter()

    def watch(_worker: str, item: str | None) -> None:
        begun.update([item] if item else [])
        if item == DOOMED:  # the first worker is still waiting, so this is another one, on the node that came
            second_at_work.touch()
        if begun[DOOMED] == 2:
            killed.touch()

    with open_runner(address=cluster.address) as runner:
        done = []
        for outcome in runner.run(stage, ITEMS, watch):
            assert outcome.error is None
            done.append(outcome.item)
            if outcome.item == ITEMS[0]:
                node = cluster.add_node(**NODE)
            elif outcome.item == UNTIL_SECOND:
                cluster.remove_node(node, allow_graceful=False)
    assert sorted(done) == ITEMS
    assert begun == Counter({item: 2 if item == DOOMED else 1 for item in ITEMS})
    assert content(tmp_path / "cluster") == content(tmp_path / "alone")


def test_a_job_whose_head_dies_ends_and_says_so(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("humandata.pipelines.ray_cluster.HEAD_PATIENCE_S", 1.0)
    assert_ends_saying("head no longer answers", cluster, tmp_path, lambda head: head.kill_gcs_server())


def test_a_job_whose_own_node_dies_ends_and_says_so(cluster: Cluster, tmp_path: Path) -> None:
    assert_ends_saying("lost the node on this machine", cluster, tmp_path, lambda head: head.kill_raylet())


def assert_ends_saying(says: str, cluster: Cluster, tmp_path: Path, strike: Callable[[Any], None]) -> None:
    stage = Sharding(tmp_path, waits={ITEMS[1]: tmp_path / "never"})
    with open_runner(address=cluster.address) as runner:
        outcomes = runner.run(stage, ITEMS)
        assert next(outcomes).error is None
        strike(cluster.head_node)
        with pytest.raises(HumandataError, match=f"{says}.* run the same command again"):
            list(outcomes)
