"""Bodies that act: one file each, holding its EE frame, its gripper mapping and its arms."""

from __future__ import annotations

from importlib import import_module

from humandata.embodiments.embodiment import Embodiment
from humandata.errors import unknown_name

EMBODIMENTS: dict[str, str] = {
    "franka_panda": "humandata.embodiments.franka_panda:FRANKA_PANDA",
    "franka_panda_robotiq_2f85": "humandata.embodiments.franka_panda_robotiq_2f85:FRANKA_PANDA_ROBOTIQ_2F85",
    "human_hands": "humandata.embodiments.human_hands:HUMAN_HANDS",
}


def get_embodiment(name: str) -> Embodiment:
    """The embodiment of that name, or of one of its aliases in datasets; raises UsageError with the valid names."""
    if name in EMBODIMENTS:
        return _load(EMBODIMENTS[name])
    for location in EMBODIMENTS.values():
        embodiment = _load(location)
        if name.lower() in embodiment.aliases:
            return embodiment
    raise unknown_name("embodiment", name, EMBODIMENTS)


def _load(location: str) -> Embodiment:
    module, attribute = location.split(":")
    embodiment = getattr(import_module(module), attribute)
    assert isinstance(embodiment, Embodiment)
    return embodiment
