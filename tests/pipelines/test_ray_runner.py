"""Workers on Ray: every item has its outcome, whoever dies under it, and who does what is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from doing import Doing
from patience import wait_until

from humandata.errors import HumandataError, MissingDependencyError, UsageError
from humandata.pipelines.ray_runner import RayRunner, refuse_gpu_share
from humandata.pipelines.runner import Runner, open_runner


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a test that starts Ray by itself leaves it Ray's
    with pytest.MonkeyPatch.context() as patched, open_runner(2) as opened:
        patched.setenv("PYTHONPATH", str(Path(__file__).parent))  # where Ray's workers find the stage
        yield opened


@pytest.mark.parametrize(("share", "num_gpus"), [(0.25, 0.0), (2.0, 1.0), (1.5, 4.0)])
def test_a_share_of_a_gpu_that_cannot_be_had_is_told(share: float, num_gpus: float) -> None:
    refuse_gpu_share(0.25, 1.0)
    with pytest.raises(UsageError, match="--gpus-per-worker"):
        refuse_gpu_share(share, num_gpus)


def test_every_item_has_one_outcome_though_workers_die(runner: Runner, tmp_path: Path) -> None:
    begun: list[tuple[str, str | None]] = []
    items = ["a", "unlucky", "wrong", "deadly"]
    outcomes = list(runner.run(Doing(tmp_path), items, lambda worker, item: begun.append((worker, item))))
    results = {outcome.item: outcome for outcome in outcomes}
    assert len(outcomes) == 4
    assert {item: outcome.result for item, outcome in results.items()} == {
        "a": "A",
        "unlucky": "UNLUCKY",
        "wrong": None,
        "deadly": None,
    }
    assert results["wrong"].error == "wrong: cannot be used"
    assert "died 3 times" in str(results["deadly"].error)
    assert any("about to die of deadly" in line for line in results["deadly"].log)
    assert Counter(item for _, item in begun if item) == {"a": 1, "unlucky": 2, "wrong": 1, "deadly": 3}
    last = dict(begun)
    assert set(last.values()) == {None}, "everyone has stopped at the end"


def test_an_item_is_tried_again_by_workers_that_had_nothing_left_to_do(runner: Runner, tmp_path: Path) -> None:
    items = ["a", "slow_unlucky"]
    assert {outcome.result for outcome in runner.run(Doing(tmp_path), items)} == {"A", "SLOW_UNLUCKY"}


def test_one_ray_serves_stage_after_stage(runner: Runner, tmp_path: Path) -> None:
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        assert {outcome.result for outcome in runner.run(Doing(folder), ["a", "b", "c"])} == {"A", "B", "C"}


def test_a_worker_that_lacks_something_ends_the_job_with_its_own_message(runner: Runner, tmp_path: Path) -> None:
    with pytest.raises(MissingDependencyError, match="no weights here"):
        list(runner.run(Doing(tmp_path, lacks="no weights here"), ["a", "b"]))
    assert {outcome.result for outcome in runner.run(Doing(tmp_path), ["a", "b"])} == {"A", "B"}


def test_a_ray_that_cannot_start_is_told_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    def fail(*_: object, **__: object) -> None:
        raise Exception("The current node timed out during startup.\nand more")  # as Ray does

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(HumandataError, match=r"timed out during startup\.\)\. Run the same command again"):
        RayRunner(2, None)


def test_nothing_of_a_killed_job_lives_on_and_no_other_ray_is_touched(runner: Runner, tmp_path: Path) -> None:
    list(runner.run(Doing(tmp_path), ["a", "b"]))
    program = "from humandata.pipelines.ray_runner import RayRunner; RayRunner(1, None); print(); input()"
    job = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert job.stdout is not None
    job.stdout.readline()
    agents = {"ray::DashboardAgent", "ray::RuntimeEnvAgent"}
    wait_until(lambda: agents <= set(below(job.pid).values()))
    processes = below(job.pid)
    assert any("ray_watcher" in command for command in processes.values())
    others = {pid for pid, command in below(os.getpid()).items() if command in agents} - set(processes)
    job.kill()
    job.communicate()
    wait_until(lambda: not any(map(is_alive, processes)), limit_s=30.0)  # without a watcher, the agents take a minute
    assert others <= set(below(os.getpid()))
    assert {outcome.result for outcome in runner.run(Doing(tmp_path), ["c", "d"])} == {"C", "D"}


def test_sigterm_stays_what_it_was_before_ray_took_it(
    runner: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(runner.run(Doing(tmp_path), ["a", "b"]))
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    import ray

    def terminated(*_: object, **__: object) -> None:
        sys.exit(signal.SIGTERM)  # as Ray's own handler does while it starts

    monkeypatch.setattr(ray, "init", terminated)
    with pytest.raises(KeyboardInterrupt):
        RayRunner(2, None)


def test_a_job_whose_raylet_was_killed_ends_and_says_so(runner: Runner, tmp_path: Path) -> None:
    """The last of those that share the runner, which is of no use afterwards."""
    list(runner.run(Doing(tmp_path), ["a", "b"]))
    [raylet] = [pid for pid, command in below(os.getpid()).items() if command.split("\0")[0].endswith("/raylet")]
    os.kill(raylet, signal.SIGKILL)
    wait_until(lambda: not is_alive(raylet))
    with pytest.raises(HumandataError, match=r"raylet on this machine died .* run the same command again"):
        list(runner.run(Doing(tmp_path), ["c", "d"]))


def is_alive(pid: int) -> bool:
    return Path(f"/proc/{pid}/exe").exists()  # not so of one that has ended and was not waited for


def below(ancestor: int) -> dict[int, str]:
    """The command lines of all processes that a process has started, by their ids."""
    waiting, found = [ancestor], {}
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                waiting += map(int, (thread / "children").read_text().split())
            found[pid] = Path(f"/proc/{pid}/cmdline").read_text(errors="replace").strip().strip("\0")
    del found[ancestor]
    return found
