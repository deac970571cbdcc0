"""Fixtures that any test may ask for."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from builders import make_episode, write_source
from hypothesis import HealthCheck, settings

from humandata.storage import Store
from humandata.studio.capture import render_human_videos
from humandata.studio.clip import ClipOptions
from humandata.studio.scene import PlaceTask

# The same examples on every machine, however slow; `make fuzz` draws new ones.
settings.register_profile(
    "same",
    derandomize="HUMANDATA_FUZZ" not in os.environ,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("same")

# What some machines set for all their jobs: colours where no terminal is, and a proxy, which knows no loopback.
for name in ("FORCE_COLOR", "PY_COLORS", "GITHUB_ACTIONS", "COLUMNS", "LINES"):
    os.environ.pop(name, None)
os.environ.update(NO_PROXY="127.0.0.1,localhost", no_proxy="127.0.0.1,localhost")

# Ray ends workers where the machine's memory is nearly full, whoever took it; tests count how often they die.
os.environ.update(RAY_memory_monitor_refresh_ms="0")


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """A shard folder with a human source `hands` and a robot source `robot`, four episodes each."""
    write_source(tmp_path / "shards" / "hands", [make_episode(seed, "human_hands", rate_hz=15.0) for seed in range(4)])
    write_source(tmp_path / "shards" / "robot", [make_episode(seed, "franka_panda") for seed in range(4)])
    return tmp_path / "shards"


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `videos/` (two short clips of a person, in folders by task, with sidecars) and `truth/`."""
    folder = tmp_path_factory.mktemp("clips")
    render_human_videos(
        folder, 2, seed=5, options=ClipOptions(PlaceTask("red", "left"), moving_camera=False, max_duration_s=1.3)
    )
    return folder


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The address of an S3-compatible server on loopback."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(object_store: str, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A new bucket, reached through the ordinary AWS variables."""
    from pyarrow.fs import FileSystem

    variables = {
        "AWS_ENDPOINT_URL": object_store,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    name = f"test-{uuid4().hex}"
    FileSystem.from_uri(f"s3://{name}?allow_bucket_creation=true")[0].create_dir(name)
    return Store(f"s3://{name}")
