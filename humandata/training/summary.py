"""The held-out errors as a table."""

from __future__ import annotations

from rich.box import SIMPLE
from rich.table import Table

from humandata.training.evaluate import ChunkError, Evaluation


def evaluation_table(evaluation: Evaluation) -> Table:
    """Two rows an embodiment: the policy's error, and that of an end effector that holds still."""
    table = Table(title="held-out error", title_justify="left", title_style="bold", box=SIMPLE)
    table.add_column("embodiment")
    table.add_column("chunks", justify="right")
    table.add_column("")
    for name in ("position", "at the end", "rotation", "at the end"):
        table.add_column(name, justify="right")
    for name, figures in evaluation.embodiments.items():
        table.add_row(name, str(figures.num_chunks), "policy", *_cells(figures.policy))
        table.add_row("", "", "holding still", *_cells(figures.still))
    return table


def _cells(error: ChunkError) -> list[str]:
    lengths = [f"{error.position_cm:.1f} cm", f"{error.final_position_cm:.1f} cm"]
    angles = [error.rotation_deg, error.final_rotation_deg]
    return lengths + ["-" if angle is None else f"{angle:.1f}°" for angle in angles]
