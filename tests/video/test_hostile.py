"""Damaged, hostile and odd media: each file gives frames in order of time, with a warning where some are lost, or an
InputError that names the file.

HUMANDATA_HOSTILE=1 damages 200 + 500 places rather than a sample of them; `benchmarks/hostile.py` extracts it all.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from humandata.bench.hostile_media import CASES, Case, clip, damage
from humandata.errors import InputError
from humandata.video.decode import decode
from humandata.video.probe import probe

CUT, FLIPPED = (200, 500) if os.environ.get("HUMANDATA_HOSTILE") else (20, 30)


def outcome(path: Path) -> tuple[int, str]:
    """Frames, and what was said."""
    try:
        decoding = decode(path, probe(path), max_side=64)
        stamps = [frame.timestamp_ns for frame in decoding]
    except InputError as error:
        said = str(error)
        assert path.name in said or repr(path.name)[1:-1] in said, "a message that does not name the file"
        return 0, said
    assert stamps == sorted(set(stamps))
    return len(stamps), "; ".join(decoding.warnings)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_every_case_has_its_outcome(tmp_path: Path, case: Case) -> None:
    num_frames, said = outcome(case.build(tmp_path))
    assert num_frames == case.num_frames, said
    assert re.search(case.says, said) if case.says else not said, said


def test_a_damaged_file_gives_what_is_whole_or_says_why_not(tmp_path: Path) -> None:
    outcomes = {"whole": 0, "warned": 0, "refused": 0}
    for kind, path in damage(tmp_path, CUT, FLIPPED):
        num_frames, said = outcome(path)
        assert num_frames <= 11  # a flipped bit can turn one AVI picture into two
        assert num_frames or said
        # A flipped bit may fall on a pixel, a cut may fall behind the last picture; neither takes a picture unsaid.
        assert said or num_frames >= (10 if kind == "flipped" else 9), (path.name, num_frames)
        outcomes["refused" if not num_frames else "warned" if said else "whole"] += 1
        path.unlink()
    assert min(outcomes.values()) > 0, outcomes


def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = clip(tmp_path / "clip.mp4")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # who may read everything
        os.seteuid(65534)
    try:
        with pytest.raises(InputError, match=r"clip\.mp4: cannot be read \(Permission denied\)"):
            probe(path)
    finally:
        os.seteuid(user)
