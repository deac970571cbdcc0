"""Who loads what share is known from those who started the processes."""

from __future__ import annotations

import pytest

from humandata.errors import UsageError
from humandata.mixtures.ranks import rank_and_world_size


def test_what_is_given_counts_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    assert rank_and_world_size(None, None) == (0, 1)
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert rank_and_world_size(None, None) == (2, 4)
    assert rank_and_world_size(1, 3) == (1, 3)


def test_half_an_answer_or_an_impossible_one_is_refused() -> None:
    with pytest.raises(UsageError, match="belong together"):
        rank_and_world_size(1, None)
    with pytest.raises(UsageError, match="rank 3 is not among 3"):
        rank_and_world_size(3, 3)
