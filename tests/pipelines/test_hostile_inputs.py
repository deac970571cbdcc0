"""One stranger's file never ends the job of the others, nor does its name."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from typer.testing import CliRunner

from humandata.bench.hostile_media import CASES, clip
from humandata.cli import app
from humandata.dataset.records import read_quarantine, read_records

CHOSEN = {
    "ffconcat script naming a file": "holds text",
    "name of 255 letters": "",
    "name with a terminal's and a table's commands": "",
    "name that is not UTF-8": "not valid UTF-8",
    "header of a million hours": "truncated",
    "link to nothing": "a link to a file that does not exist",
    "link to an endless device": "not a regular file",
    "named pipe": "not a regular file",
}


def test_each_input_has_an_outcome_and_the_job_ends_well(tmp_path: Path) -> None:
    for number, case in enumerate(case for case in CASES if case.title in CHOSEN):
        folder = tmp_path / "videos" / str(number)
        folder.mkdir(parents=True)
        case.build(folder)
    clip(tmp_path / "videos" / "one.mp4", "-frames:v", "2")
    shutil.copy(tmp_path / "videos" / "one.mp4", tmp_path / "videos" / "two.mp4")
    options = ["--recipe", "fast", "--camera", "sidecar", "--workers", "1"]
    done = CliRunner().invoke(app, ["extract", str(tmp_path / "videos"), "--out", str(tmp_path / "shards"), *options])
    assert done.exit_code == 1, done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "\x1b[2J" not in done.output
    source = tmp_path / "shards" / "videos"
    kept = {record.input: "; ".join(record.warnings) for record in read_records(source)}
    refused = {record.input: record.error for record in read_quarantine(source)}
    told = {name.split("/")[0]: text for name, text in (kept | refused).items()}
    for number, case in enumerate(case for case in CASES if case.title in CHOSEN):
        assert CHOSEN[case.title] in told[str(number)], case.title
        assert bool(told[str(number)]) == bool(CHOSEN[case.title])
    assert told["one.mp4"] == told["two.mp4"] == ""  # the same video under two names is two inputs


def test_a_companion_that_is_a_pipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    clip(tmp_path / "videos" / "clip.mp4", "-frames:v", "2")
    os.mkfifo(tmp_path / "videos" / "depth.npz")
    (tmp_path / "videos" / "clip.json").write_text('{"depth": {"path": "depth.npz", "scale_m": 0.001}}')
    options = ["--recipe", "fast", "--camera", "sidecar", "--workers", "1"]
    done = CliRunner().invoke(app, ["extract", str(tmp_path / "videos"), "--out", str(tmp_path / "shards"), *options])
    assert done.exit_code == 1, done.output
    (record,) = read_quarantine(tmp_path / "shards" / "videos")
    assert "depth.npz: not a regular file" in record.error
