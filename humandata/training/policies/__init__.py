"""Policies by name: one file each."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from humandata.errors import unknown_name

if TYPE_CHECKING:
    from humandata.training.policy import Policy

POLICIES: dict[str, str] = {
    "flow_matching": "humandata.training.policies.flow_matching:FlowMatchingPolicy",
}


def get_policy(name: str) -> type[Policy]:
    """The policy class of that name; raises UsageError with the valid names."""
    if name not in POLICIES:
        raise unknown_name("policy", name, POLICIES)
    module, attribute = POLICIES[name].split(":")
    policy: type[Policy] = getattr(import_module(module), attribute)
    return policy
