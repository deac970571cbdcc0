"""The process that looks into media files: it may die, hang or lie, and the one that asks goes on."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from humandata.errors import HumandataError, InputError
from humandata.video.depth_files import packet_times
from humandata.video.fence import Fence
from humandata.video.helper import ANSWER_TIMEOUT_S, Helper, ask
from humandata.video.probe import probe

MakeVideo = Callable[..., Path]


def described(helper: Helper, path: Path, timeout_s: float = ANSWER_TIMEOUT_S) -> object:
    (message,) = helper.ask("describe", path, timeout_s)
    return message.header["info"]


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV])
def test_a_helper_that_crashes_costs_one_answer(make_video: MakeVideo, sign: signal.Signals) -> None:
    path = make_video()
    with Helper() as helper:
        first = described(helper, path)
        assert helper.process_id is not None
        os.kill(helper.process_id, signal.SIGSTOP)
        asked = helper.ask("describe", path, ANSWER_TIMEOUT_S)
        os.kill(helper.process_id, sign)
        os.kill(helper.process_id, signal.SIGCONT)
        with pytest.raises(InputError, match=r"clip\.mp4: the program that looked into it (crashed|stopped)"):
            list(asked)
        assert described(helper, path) == first


def test_a_helper_that_hangs_is_ended(make_video: MakeVideo) -> None:
    path = make_video()
    with Helper() as helper:
        first = described(helper, path)
        hung = helper.process_id
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        with pytest.raises(InputError, match=r"clip\.mp4: .* gave no answer within 0\.2 s"):
            described(helper, path, 0.2)
        with pytest.raises(ProcessLookupError):
            os.kill(hung, 0)
        assert described(helper, path) == first


def test_what_a_worn_helper_cannot_do_a_fresh_one_does(make_video: MakeVideo) -> None:
    path = make_video()
    first = ask("describe", path)
    os.kill(helper_of_this_process(), signal.SIGKILL)
    assert ask("describe", path) == first


def helper_of_this_process() -> int:
    from humandata.video import helper as module

    process_id = module._helper.process_id
    assert process_id is not None
    return process_id


@pytest.mark.parametrize(
    "answer",
    [
        b"nonsense\n",
        b'{"num_bytes": -1}\n',
        b'{"num_bytes": 1e99}\n',
        b"[]\n",
        b'{"info": {}, "num_bytes": 0}\n{"last": true, "num_bytes": 0}\n',
        b'{"last": true, "num_bytes": 0}\n',
        json.dumps({"num_bytes": 10**15}).encode() + b"\n",
    ],
)
def test_a_helper_that_was_taken_over_can_say_nothing_harmful(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    path = make_video()
    lie = f"import os; os.write(0, b'{{\"num_bytes\": 0}}\\n' + {answer!r}); os.read(0, 1)"
    monkeypatch.setattr(Fence, "around", lambda *_: [sys.executable, "-c", lie])
    monkeypatch.setattr("humandata.video.helper._helper", Helper())
    with pytest.raises(InputError, match=r"clip\.mp4: "):
        probe(path)


def test_a_helper_that_does_not_start_is_no_fault_of_the_video(
    make_video: MakeVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_video()
    monkeypatch.setattr(Fence, "around", lambda *_: [sys.executable, "-c", "raise SystemExit('no such module')"])
    with pytest.raises(HumandataError, match="does not start: no such module") as raised, Helper() as helper:
        described(helper, path)
    assert not isinstance(raised.value, InputError)


def test_a_copy_of_this_process_has_a_helper_of_its_own(make_video: MakeVideo) -> None:
    path = make_video()
    probe(path)
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(probe, [path]) == probe(path)
        assert pool.apply(helper_of_this_process) != helper_of_this_process()


def test_times_come_from_the_packets(make_video: MakeVideo) -> None:
    path = make_video(ticks=[0, 3000, 9000])
    assert np.array_equal(packet_times(path), [0, 33_333_333, 100_000_000])


def test_one_helper_looks_into_video_after_video(make_video: MakeVideo) -> None:
    """To start one takes tens of times as long as to ask it."""
    asked = []
    for number in range(5):
        probe(make_video(f"{number}.mp4"))
        asked.append(helper_of_this_process())
    assert len(set(asked)) == 1
