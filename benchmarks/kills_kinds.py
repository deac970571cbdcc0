"""The kinds of disturbance of `kills.py`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from humandata.dataset.records import read_quarantine, read_records
from humandata.pipelines.ray_worker import StageActor
from humandata.pipelines.recipe import load_recipe
from humandata.video.decode import decode
from humandata.video.probe import probe

GONE_AFTER_S = 10.0
_SOURCE = "videos"
WORKER = f"ray::{StageActor.__name__}"
"""What the process of a worker is called."""


@dataclass(frozen=True)
class Job:
    """One that runs."""

    process: subprocess.Popen[bytes]
    out: Path
    workers: int


@dataclass
class Trial:
    """A folder of videos, what an undisturbed job makes of them, and how such jobs are started."""

    root: Path
    num_videos: int
    rng: random.Random
    stall_timeout_s: float
    expected: dict[str, bytes] = field(default_factory=dict)
    calm_s: dict[int, float] = field(default_factory=dict)
    num_left_alive: int = 0

    @property
    def log(self) -> Path:
        """What the jobs say."""
        return self.root / "log"

    @property
    def orders(self) -> Path:
        """What the estimator is told to do; see `frail.py`."""
        return self.root / "orders"

    def start(self, out: Path, workers: int) -> subprocess.Popen[bytes]:
        """Start a job; it finds the estimator beside this file."""
        self.orders.mkdir(exist_ok=True)
        search_path = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(search_path), "HUMANDATA_FRAIL": str(self.orders)}
        options = ["--recipe", "fast", "--estimator", "frail:FrailEstimator", "--set", "filters={}"]
        options += ["--set", f"decode.stall_timeout_s={self.stall_timeout_s}", "--workers", str(workers)]
        command = [sys.executable, "-m", "humandata", "extract", str(self.root / "videos"), "--out", str(out), *options]
        with self.log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, env=environment)

    def wait_a_while(self, workers: int) -> None:
        """Until some moment of the job, its start-up included."""
        time.sleep(self.rng.uniform(0.1, 0.95) * self.calm_s[workers])

    def content(self, out: Path) -> dict[str, bytes]:
        """Every file of a job, hidden ones too."""
        return {
            str(path.relative_to(out)): path.read_bytes()
            for path in sorted(out.rglob("*"))
            if path.is_file() and path.name != ".lock"
        }

    def order(self, what: str) -> str:
        """Have the estimator fail on a frame of the first video; returns the video's name."""
        path = min((self.root / "videos").rglob("*.mp4"))
        reading = load_recipe("fast").decode
        frames = decode(path, probe(path), max_side=reading.max_side_px, rate_hz=reading.rate_hz)
        images = [frame.image for frame in frames]
        chosen = images[self.rng.randrange(1, len(images))]
        (self.orders / what).write_text(str(zlib.crc32(chosen.tobytes())))
        return path.relative_to(self.root / "videos").as_posix()

    def count_survivors(self, processes: list[int]) -> None:
        """Processes that should be gone by now, and are not."""
        deadline = time.monotonic() + GONE_AFTER_S
        while (alive := [pid for pid in processes if _is_alive(pid)]) and time.monotonic() < deadline:
            time.sleep(0.1)
        self.num_left_alive += len(alive)


def processes_below(job: subprocess.Popen[bytes]) -> dict[int, str]:
    """The command lines of all processes that the job has started, by their ids."""
    waiting, found = [job.pid], {}
    while waiting:
        pid = waiting.pop()
        with suppress(OSError):
            waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            found[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    found.pop(job.pid, None)
    return found


def _is_alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _one_that(job: subprocess.Popen[bytes], trial: Trial, matches: Callable[[str], bool]) -> int | None:
    """A process of the job, once there is such a one."""
    while job.poll() is None:
        if found := [pid for pid, command in processes_below(job).items() if matches(command)]:
            return trial.rng.choice(found)
        time.sleep(0.02)
    return None


def _kill(pid: int | None, number: int = signal.SIGKILL) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_worker(trial: Trial, job: Job) -> bool:
    """The job itself goes on and ends well."""
    if _one_that(job.process, trial, lambda command: command.startswith(WORKER)) is None:
        raise RuntimeError(f"no process of the job is called {WORKER}")
    time.sleep(trial.rng.uniform(0.0, 0.4) * trial.calm_s[job.workers])
    found = [pid for pid, command in processes_below(job.process).items() if command.startswith(WORKER)]
    if found:
        _kill(trial.rng.choice(found))
    return job.process.wait() == 0


def kill_part_of_ray(trial: Trial, job: Job, program: str) -> bool:
    """Ray's own processes on this machine: the job ends, and says so."""
    trial.wait_a_while(job.workers)
    found = [pid for pid, command in processes_below(job.process).items() if command.split("\0")[0].endswith(program)]
    processes = list(processes_below(job.process))
    if not found:
        return job.process.wait() == 0
    _kill(found[0])
    code = job.process.wait()
    trial.count_survivors(processes)
    return code != 130


def kill_driver(trial: Trial, job: Job) -> bool:
    """Nothing of it lives on."""
    trial.wait_a_while(job.workers)
    processes = list(processes_below(job.process))
    job.process.kill()
    job.process.wait()
    trial.count_survivors(processes)
    return True


def interrupt(trial: Trial, job: Job, number: int) -> bool:
    """Ctrl-C, or what schedulers send, at any moment."""
    trial.wait_a_while(job.workers)
    processes = list(processes_below(job.process))
    job.process.send_signal(number)
    code = job.process.wait()
    trial.count_survivors(processes)
    return code in {0, 130}


def make_read_only(trial: Trial, job: Job) -> bool:
    """Take the right to write away, wait for the job to notice, and give it back."""
    trial.wait_a_while(job.workers)
    folders = [path for path in (job.out, *job.out.rglob("*")) if path.is_dir()]
    _allow_writing(folders, False)
    code = job.process.wait()
    _allow_writing(folders, True)
    return code in {0, 1}


def _allow_writing(folders: list[Path], allowed: bool) -> None:
    """Root may write into any folder but an immutable one."""
    if os.geteuid() == 0 and folders:
        subprocess.run(["chattr", "-i" if allowed else "+i", *folders], check=True)  # noqa: S607
    for path in folders if os.geteuid() else ():
        path.chmod(0o755 if allowed else 0o555)


def fill_disk(trial: Trial, job: Job) -> bool:
    """Leave no room on the small disk, wait for the job to notice, and make room."""
    trial.wait_a_while(job.workers)
    filler = job.out / "filler"
    with suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    code = job.process.wait()
    filler.unlink()
    return code in {0, 1}


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of 16 MB in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)], check=True)  # noqa: S607
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


def hang_decoder(trial: Trial, job: Job) -> bool:
    """Stop an ffmpeg: its video is set aside with the reason, and the others are done."""
    pid = _one_that(job.process, trial, lambda command: "ffmpeg" in command.split("\0")[0] and "-nostdin" in command)
    _kill(pid, signal.SIGSTOP)
    code = job.process.wait()
    failed = read_quarantine(job.out / _SOURCE)
    told = all("the decoder was silent for" in record.error for record in failed)
    trial.count_survivors([pid] if pid is not None else [])
    return told and code == (1 if failed else 0)


def abort_once(trial: Trial, job: Job) -> bool:
    """The model takes its process with it, on one frame, once: with workers the video is done by another one."""
    trial.order("abort-once")
    code = job.process.wait()
    return code == (0 if job.workers > 1 else -signal.SIGABRT)


def abort_always(trial: Trial, job: Job) -> bool:
    """The same each time: after three times that video is set aside, and the others are done."""
    name = trial.order("abort-always")
    code = job.process.wait()
    if job.workers == 1:
        assert code == -signal.SIGABRT
        for expected in (-signal.SIGABRT, -signal.SIGABRT, 1):
            if trial.start(job.out, 1).wait() != expected:
                return False
    [failed] = read_quarantine(job.out / _SOURCE)
    done = {record.input for record in read_records(job.out / _SOURCE)}
    (trial.orders / "abort-always").unlink()
    retry = [sys.executable, "-m", "humandata", "quarantine", "retry", str(job.out / _SOURCE), name]
    retried = subprocess.run(retry, capture_output=True, check=False).returncode == 0
    return retried and failed.input == name and bool(failed.log) and len(done) == trial.num_videos - 1


def raise_once(trial: Trial, job: Job) -> bool:
    """The model fails on one frame: it costs that frame, and the record says so. Done anew, it is whole."""
    name = trial.order("raise-once")
    code = job.process.wait()
    [record] = [record for record in read_records(job.out / _SOURCE) if record.input == name]
    told = [warning for warning in record.warnings if "the estimator failed" in warning]
    for path in (job.out / _SOURCE / "inputs").glob("*.json"):
        if f'"{name}"' in path.read_text():
            path.unlink()
    return code == 0 and len(told) == 1


def start_twice(trial: Trial, job: Job) -> bool:
    """A second job is refused and told who holds the source; the first one ends well."""
    trial.wait_a_while(job.workers)
    second = trial.start(job.out, job.workers)
    codes = {job.process.wait(), second.wait()}
    told = " ".join(trial.log.read_text().split())
    return codes == {0} or (codes == {0, 2} and "is writing this source. Wait for it, or use --name." in told)


@dataclass(frozen=True)
class Kind:
    """What is done to a job, and with how many workers it runs, by turns."""

    disturb: Callable[[Trial, Job], bool]
    """Returns whether the job did as it should."""
    workers: tuple[int, ...] = (1, 2)


KINDS = {
    "worker killed": Kind(kill_worker, (2,)),
    "raylet killed": Kind(partial(kill_part_of_ray, program="/raylet"), (2,)),
    "Ray's server killed": Kind(partial(kill_part_of_ray, program="/gcs_server"), (2,)),
    "driver killed": Kind(kill_driver),
    "Ctrl-C": Kind(partial(interrupt, number=signal.SIGINT)),
    "SIGTERM": Kind(partial(interrupt, number=signal.SIGTERM)),
    "read-only": Kind(make_read_only),
    "disk full": Kind(fill_disk),
    "decoder hangs": Kind(hang_decoder),
    "model aborts once": Kind(abort_once),
    "model aborts always": Kind(abort_always),
    "model raises": Kind(raise_once),
    "two jobs at once": Kind(start_twice),
}
