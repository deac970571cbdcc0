"""What is printed stays readable and harmless, whatever a file is called."""

from __future__ import annotations

import json

import pytest

from humandata.report.console import (
    count,
    duration,
    failure_line,
    print_json,
    print_line,
    print_table,
    size,
    spell,
)


def test_a_name_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    print_line("clip\x1b[2J\x9b.mp4 of [bold]me[/bold], \udce9")
    print_table("in \x1b]0;title", ["name"], [["a\x07" + "b" * 40]])
    told = capsys.readouterr().out
    assert told.startswith("clip\\x1b[2J\\x9b.mp4 of [bold]me[/bold], \\udce9\n")
    assert "in \\x1b]0;title" in told
    assert "a\\x07" in told
    assert not set(told) & {"\x1b", "\x07", "\x9b"}


def test_a_log_keeps_a_sentence_of_its_width_whole_and_a_place_on_a_store_its_slashes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_line("s3:/bucket/shards " + "x" * 130)
    assert capsys.readouterr().out == f"s3://bucket/shards {'x' * 130}\n"


def test_numbers_are_flush_right_and_nothing_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("found", ["name", "steps", "mixed"], [["a", 5, 1], ["b", 1234567, None]])
    rows = [line.split("│")[1:-1] for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert rows == [[" a    ", "       5 ", " 1     "], [" b    ", " 1234567 ", " -     "]]


def test_words_for_numbers() -> None:
    assert [spell(value) for value in (None, 0.123456, 12, "a")] == ["-", "0.1235", "12", "a"]
    assert [count(num, "episode") for num in (0, 1, 2)] == ["0 episodes", "1 episode", "2 episodes"]
    assert [duration(seconds) for seconds in (4, 59.4, 60, 5400)] == ["4 s", "59 s", "1.0 min", "1.5 h"]
    assert [size(num) for num in (1, 2_600_000, 1e9, 2.34e12)] == ["1 MB", "3 MB", "1.0 GB", "2340.0 GB"]


def test_a_failure_names_its_input_once() -> None:
    assert failure_line("a.mp4", "no picture in it") == "a.mp4: no picture in it"
    assert failure_line("a.mp4", "videos/a.mp4: no picture in it") == "videos/a.mp4: no picture in it"


def test_json_is_one_document_in_its_own_letters(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"task": "stößt", "steps": [1, 2]})
    told = capsys.readouterr().out
    assert "stößt" in told
    assert json.loads(told) == {"task": "stößt", "steps": [1, 2]}
