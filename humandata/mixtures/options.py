"""What a user may choose of a mixture."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from humandata.actions import ActionGrid
from humandata.errors import UsageError, unknown_name
from humandata.schemas.mixture import ActionSpace, ImageFit


@dataclass(frozen=True)
class MixOptions:
    """Sources are named as in the shard folder."""

    robot_ratio: float | None = None
    """Share of robot samples in [0, 1]; by default half where there is human data too."""
    batch_size: int = 64
    action_space: ActionSpace = field(default_factory=ActionSpace)
    image_size_px: int = 224
    image_fit: ImageFit = "letterbox"
    held_out_fraction: float = 0.1
    seed: int = 0
    max_repeats: float = 100.0
    weights: Mapping[str, float] = field(default_factory=dict)
    """Share within the group, by source; by default its number of eligible steps to the power of `size_alpha`."""
    size_alpha: float = 1.0
    """1: every step is drawn as often; 0: every source; between them, small sources gain."""
    where: str | None = None
    """SQL condition over the episodes' tables that episodes must satisfy to take part."""
    tasks: tuple[str, ...] = ()
    """Tasks that take part, with * and ? as wildcards; by default all."""
    slowdowns: Mapping[str, float] = field(default_factory=dict)
    static_cameras: tuple[str, ...] = ()
    """Sources whose camera stood still, as the user declares."""
    mask_rotations: tuple[str, ...] = ()

    def grid(self, source: str) -> ActionGrid:
        """The times of the targets of a source's chunks."""
        return ActionGrid(self.action_space.horizon, self.action_space.rate_hz, self.slowdowns.get(source, 1.0))

    def check(self, sources: Iterable[str]) -> None:
        """Raise UsageError where a number is out of its range, or a source is named that there is not."""
        known = list(sources)
        for name in (*self.weights, *self.slowdowns, *self.static_cameras, *self.mask_rotations):
            if name not in known:
                raise unknown_name("source", name, known)
        if self.robot_ratio is not None and not 0.0 <= self.robot_ratio <= 1.0:
            raise UsageError(f"the robot ratio is a share of the samples, from 0 to 1, not {self.robot_ratio:g}.")
        if not 0.0 <= self.size_alpha <= 1.0:
            raise UsageError(f"--size-alpha is from 0 (sources alike) to 1 (steps alike), not {self.size_alpha:g}.")
        if not 0.0 <= self.held_out_fraction < 1.0:
            raise UsageError(f"the held-out fraction is from 0 to below 1, not {self.held_out_fraction:g}.")
        for name, weight in self.weights.items():
            if not weight >= 0.0:
                raise UsageError(f"the weight of '{name}' must not be negative, but is {weight:g}.")
        for name, slowdown in self.slowdowns.items():
            if not slowdown > 0.0:
                raise UsageError(f"the slowdown of '{name}' must be above 0, but is {slowdown:g}.")
