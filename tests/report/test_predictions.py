"""A prediction is drawn beside what happened, upwards where it is positive, in its axis's colour."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from humandata.actions import ACTION_DIM, ACTION_LAYOUT
from humandata.mixtures.batch import Batch
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.report import predictions
from humandata.report.pictures import AXIS_COLORS
from humandata.report.predictions import MARGIN_PX, PANEL_PX, draw_predictions
from humandata.schemas.mixture import ActionSpace
from humandata.training.settings import make_settings
from humandata.training.train import train

HORIZON = 4
PANEL = (PANEL_PX + 22, PANEL_PX + PANEL_PX * 3 // 2)
"""Height, with its title, and width."""


@pytest.fixture
def run(shards: Path, tmp_path: Path) -> Path:
    """A trained policy of a mixture that holds out an episode of each of two embodiments."""
    options = MixOptions(batch_size=4, action_space=ActionSpace(horizon=HORIZON), image_size_px=32)
    mix([shards], tmp_path / "mixture.json", options)
    train(tmp_path / "mixture.json", tmp_path / "run", make_settings({"steps": 1, "device": "cpu", "workers": 0}))
    return tmp_path / "run"


def test_samples_are_spread_over_the_embodiments(run: Path, tmp_path: Path) -> None:
    for num_samples, rows in ((1, 1), (4, 2)):
        draw_predictions(run, tmp_path / "page.png", num_samples)
        page = cv2.imread(str(tmp_path / "page.png"))
        assert page is not None
        assert page.shape == (rows * PANEL[0], 2 * PANEL[1], 3)
        # No place of the sheet is left dark: each of two embodiments fills half of it.
        assert page[22:, -PANEL_PX:].mean() > 200


class Apart:
    """Predicts x 10 cm ahead, y at rest and z 10 cm behind, at every target."""

    def predict(self, batch: Batch) -> torch.Tensor:
        chunks = torch.zeros(len(batch.embodiment), HORIZON, ACTION_DIM)
        for side in ("left", "right"):
            chunks[..., ACTION_LAYOUT[f"{side}_position"]] = torch.tensor([0.1, 0.0, -0.1])
        return chunks


def test_x_is_red_and_above_where_it_is_positive(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predictions, "load_policy", lambda _run: Apart())
    draw_predictions(run, tmp_path / "page.png", 1)
    page = cv2.imread(str(tmp_path / "page.png"))
    assert page is not None
    # Halfway through the chunk, at its second target, where no dot of what happened is drawn.
    column = page[22:, PANEL_PX + MARGIN_PX + (PANEL_PX * 3 // 2 - 2 * MARGIN_PX) // 2, ::-1].astype(int)
    rows = [float(np.flatnonzero(np.abs(column - color).max(axis=1) < 12).mean()) for color in AXIS_COLORS]
    assert rows[0] < rows[1] < rows[2]
    # The lines at either side are as far from the one in the middle, to the two pixels that a line is wide.
    assert rows[1] - rows[0] == pytest.approx(rows[2] - rows[1], abs=2)
