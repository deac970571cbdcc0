"""Does a cluster lose anything? Videos are extracted on several Ray nodes of this machine while nodes are killed.

    python benchmarks/cluster.py [--quick] [--json] [--times N] [--seed N] [--kind KIND]

A head that does no work and two nodes of one worker each; a node that is killed, at a random moment, is replaced by a
new one some seconds later. With an object store (an S3-compatible server on loopback), videos come from it and shards
go to it; a killed job is run again. `struck` counts what was killed while the job was at work. Identical is what ends
well, with every file byte for byte that of one undisturbed process on a disk, none missing and none besides. What
travels through Ray is told beside it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from moto.server import ThreadedMotoServer
from pyarrow.fs import FileSystem
from ray.cluster_utils import Cluster

from humandata.dataset.records import read_records
from humandata.hands.weights import resolve_weights
from humandata.report.console import print_line, print_table
from humandata.storage import Store
from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask

NUM_VIDEOS = 6
NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 80 << 20}
KINDS = ("one node killed", "two nodes killed", "object store", "object store, node killed", "object store, job killed")
QUICK = (KINDS[0], KINDS[4])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two kinds, once each")
    parser.add_argument("--times", type=int, default=3, help="runs of each kind")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: all of them")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder, object_store() as bucket:
        root = Path(folder)
        os.environ["HUMANDATA_HAND_LANDMARKER"] = str(resolve_weights("hand_landmarker").path)
        os.environ["HUMANDATA_CACHE"] = str(root / "cache")
        options = ClipOptions(PlaceTask("red", "left"), False, frame_rate=15, width=320, height=240, max_duration_s=1.5)
        render_human_videos(root, NUM_VIDEOS, seed=5, workers=2, options=options)
        upload(root / "videos", bucket / "videos")
        assert extract(root / "videos", str(root / "calm"), "--workers", "1").wait() == 0
        expected = on_disk(root / "calm")
        rows = []
        for kind in arguments.kind or (QUICK if arguments.quick else KINDS):
            times = 1 if arguments.quick else arguments.times
            survived, struck, seconds = 0, 0, []
            for number in range(times):
                started = time.monotonic()
                identical, in_midst = survives(kind, root, bucket, f"{KINDS.index(kind)}-{number}", rng, expected)
                survived, struck = survived + identical, struck + in_midst
                seconds.append(round(time.monotonic() - started, 1))
            rows.append({"kind": kind, "runs": times, "struck": struck, "identical": survived, "seconds": seconds})
        record_bytes = max(len(pickle.dumps(record)) for record in read_records(root / "calm" / "videos"))
    if arguments.json:
        sys.stdout.write(json.dumps({"rows": rows, "largest_result_bytes": record_bytes}, indent=2) + "\n")
    else:
        print_table("on a cluster", list(rows[0]), [[str(value) for value in row.values()] for row in rows])
        print_line(f"largest result that travels through Ray: {record_bytes} bytes of a video.")
    raise SystemExit(any(row["runs"] != row["identical"] for row in rows))


def survives(
    kind: str, root: Path, bucket: Store, name: str, rng: random.Random, expected: dict[str, bytes]
) -> tuple[bool, int]:
    """Extract on a cluster while something is killed, and compare; also, how often the job was still at work then."""
    remote = kind.startswith("object store")
    videos = (bucket / "videos").url if remote else str(root / "videos")
    out = (bucket / name).url if remote else str(root / name)
    with cluster() as (nodes, address):
        job = extract(videos, out, "--address", address)
        struck = 0
        progress = partial(count, bucket / name if remote else root / name)
        for _ in range({"one node killed": 1, "two nodes killed": 2, "object store, node killed": 1}.get(kind, 0)):
            wait_until(lambda: progress() >= 1 or job.poll() is not None)
            time.sleep(rng.uniform(0.0, 2.0))
            struck += job.poll() is None
            victim = rng.choice(list(nodes.worker_nodes))
            nodes.remove_node(victim, allow_graceful=False)
            time.sleep(rng.uniform(0.0, 3.0))
            nodes.add_node(**NODE)
        if kind == "object store, job killed":
            wait_until(lambda: progress() >= rng.randint(1, NUM_VIDEOS - 2) or job.poll() is not None)
            struck += job.poll() is None
            job.kill()
            job.wait()
            job = extract(videos, out, "--address", address)
        ended_well = job.wait() == 0
    return ended_well and (on_store(bucket / name) if remote else on_disk(root / name)) == expected, struck


@contextmanager
def cluster() -> Iterator[tuple[Cluster, str]]:
    started = Cluster(initialize_head=True, head_node_args={**NODE, "num_cpus": 0, "include_dashboard": False})
    try:
        for _ in range(2):
            started.add_node(**NODE)
        yield started, started.address
    finally:
        started.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def object_store() -> Iterator[Store]:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ |= {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    FileSystem.from_uri("s3://benchmark?allow_bucket_creation=true")[0].create_dir("benchmark")
    yield Store("s3://benchmark")
    server.stop()


def upload(folder: Path, store: Store) -> None:
    """Copy a folder, which then has the times of its objects: records tell them."""
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        store.upload(name, path)
        stored = store.stat(name)
        assert stored is not None
        os.utime(path, ns=(stored.mtime_ns, stored.mtime_ns))


def extract(videos: str | Path, out: str, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", "from humandata.cli import app; app()", "extract", str(videos), "--out", out]
    return subprocess.Popen([*command, "--set", "filters={}", *options], stdout=subprocess.DEVNULL)


def count(place: Store | Path) -> int:
    """Finished inputs."""
    if isinstance(place, Store):
        return len((place / "videos").list("inputs/"))
    return len(list((place / "videos" / "inputs").glob("*.json")))


def on_disk(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def on_store(store: Store) -> dict[str, bytes]:
    return {name: store.read(name) for name in store.list() if not name.startswith("videos/.")}


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.2)


if __name__ == "__main__":
    main()
