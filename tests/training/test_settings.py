"""A wrong setting is answered with what is right."""

from __future__ import annotations

import pytest

from humandata.errors import UsageError
from humandata.training.settings import make_settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stesp": 10}, "unknown field 'stesp', did you mean 'steps'"),
        ({"steps": 0}, "'steps'"),
        ({"average_decay": 1.0}, "'average_decay'"),
        ({"policy": "flow_matchin"}, "Did you mean 'flow_matching'"),
        ({"device": "tpu"}, "'device'"),
    ],
)
def test_wrong_settings_are_named(values: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_settings(values)


def test_how_a_run_is_carried_out_is_no_difference() -> None:
    one = make_settings({"workers": 0, "device": "cpu", "checkpoint_every": 5})
    other = make_settings({"workers": 2, "device": "auto", "checkpoint_every": 7})
    assert one.differences(other) == {}
    assert one.differences(make_settings({"steps": 7})) == {"steps": (one.steps, 7)}
