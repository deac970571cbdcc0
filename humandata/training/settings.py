"""What a run of training can be told, and what it does when it is told nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from humandata.errors import UsageError, unknown_name
from humandata.schemas.documents import Document, parse_document
from humandata.training.policies import POLICIES


class TrainSettings(Document):
    """Settings of a run; the batch size, the horizon and the normalisation are the mixture's."""

    policy: str = Field(default="flow_matching", description="a name of the policy registry")
    steps: PositiveInt = Field(
        default=450, description="for data of the demo's size, which more would learn by heart; raise it with yours"
    )
    learning_rate: PositiveFloat = Field(default=1e-3, description="at its highest, after the warm-up")
    warmup_steps: NonNegativeInt = Field(default=50, description="linear, from zero; then a cosine down to zero")
    weight_decay: NonNegativeFloat = 0.01
    average_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.99, description="of the moving average of the weights, which is what is evaluated and kept"
    )
    seed: NonNegativeInt = 0
    checkpoint_every: PositiveInt = Field(default=200, description="steps")
    device: Literal["auto", "cpu", "cuda"] = "auto"
    workers: NonNegativeInt = Field(default=1, description="processes that load batches; 0 loads them in this one")

    def differences(self, other: TrainSettings) -> dict[str, tuple[object, object]]:
        """Values by name, of self and of `other`, of the settings that change what is learned."""
        mine, theirs = (settings.model_dump(exclude=_INCIDENTAL) for settings in (self, other))
        return {name: (mine[name], theirs[name]) for name in mine if mine[name] != theirs[name]}


_INCIDENTAL = {"checkpoint_every", "device", "workers"}
"""How a run is carried out rather than what it is: they may change from one call to the next."""


def make_settings(values: Mapping[str, object]) -> TrainSettings:
    """Settings with these values, the defaults elsewhere; UsageError for an unknown name or an impossible value."""
    settings = parse_document(TrainSettings, values, "training settings", UsageError)
    if settings.policy not in POLICIES:
        raise unknown_name("policy", settings.policy, POLICIES)
    return settings
