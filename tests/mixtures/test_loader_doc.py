"""What docs/loader.md shows runs as it is written."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from humandata.mixtures.loader import MixtureLoader
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.schemas.mixture import ActionSpace

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parents[2] / "docs" / "loader.md").read_text(encoding="utf-8"), re.DOTALL
)
TORCHRUN = next(block for block in BLOCKS if "torchrun" in block)


@pytest.fixture
def path(shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    out = tmp_path / "mixture.json"
    mix([shards], out, MixOptions(batch_size=6, action_space=ActionSpace(horizon=4), image_size_px=16))
    monkeypatch.chdir(tmp_path)
    return out


def test_snippets_run_one_after_the_other(path: Path) -> None:
    names: dict[str, object] = {}
    for block in BLOCKS:
        if block != TORCHRUN:
            exec(block, names)
    assert {"loss", "resumed", "clip", "given", "row", "loop", "read_with_ray"} <= names.keys()
    assert path.exists()


def test_torchrun_gives_each_process_its_share(path: Path) -> None:
    script = path.with_name("train.py")
    script.write_text(TORCHRUN)
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    # torchrun leaves its processes' output unbuffered, so that one's newline may come after the other's line.
    assert sorted(re.findall(r"rank \d of \d: samples \[[\d, ]+\]", done.stdout)) == [
        "rank 0 of 2: samples [0, 1, 2]",
        "rank 1 of 2: samples [3, 4, 5]",
    ]


@pytest.mark.skipif(importlib.util.find_spec("tensorboardX") is None, reason="Ray Train needs pip install 'ray[train]'")
def test_ray_train_gives_each_worker_its_share(path: Path) -> None:
    import ray

    names: dict[str, Any] = {}
    exec(next(block for block in BLOCKS if "def train_with_ray" in block), names)
    told = names["loop"]

    def loop(config: dict[str, Path]) -> None:
        told(config)
        loader = MixtureLoader(config["mixture"])
        samples = loader.batch(1).sample.tolist()
        config["mixture"].with_name(f"rank{loader.rank}").write_text(f"{loader.world_size} {samples}")

    names["loop"] = loop
    ray.init(address="local", num_cpus=3, include_dashboard=False, log_to_driver=False)
    try:
        assert names["train_with_ray"](path).error is None
    finally:
        ray.shutdown()
    assert path.with_name("rank0").read_text() == "2 [6, 7, 8]"
    assert path.with_name("rank1").read_text() == "2 [9, 10, 11]"
