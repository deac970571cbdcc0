"""Pictures of an episode and of a policy's predictions: what is written, and what is said where nothing can be."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from humandata.dataset.read import open_source
from humandata.errors import HumandataError, OutputError, UsageError
from humandata.mixtures.mix import mix
from humandata.mixtures.options import MixOptions
from humandata.report.draw import draw_picture
from humandata.report.pictures import sheet
from humandata.schemas.mixture import ActionSpace
from humandata.training.settings import make_settings
from humandata.training.train import train


def test_a_sheet_is_filled_row_by_row() -> None:
    one, two, three = (np.full((2, 4, 3), value, np.uint8) for value in (50, 100, 150))
    page = sheet([one, two, three], num_columns=2)
    assert page.shape == (4, 8, 3)
    assert [int(page[row, column, 0]) for row, column in ((0, 0), (0, 4), (2, 0), (2, 4))] == [50, 100, 150, 24]


def test_a_png_holds_some_frames_of_the_episode_and_an_mp4_all_of_them_at_their_times(
    shards: Path, tmp_path: Path
) -> None:
    source = open_source(shards / "hands")
    episode = source.read_episode(source.episodes().column("id")[1].as_py())
    draw_picture(shards / "hands", episode.id, tmp_path / "few.png", num_frames=4)
    page = cv2.imread(str(tmp_path / "few.png"))
    assert page is not None
    assert page.shape == (2 * 480, 3 * 640, 3), "four frames of 640 x 480 in three columns"
    draw_picture(shards / "hands", episode.id, tmp_path / "new" / "all.mp4", num_frames=4)
    with av.open(str(tmp_path / "new" / "all.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    # To the tick of 1/90,000 s.
    np.testing.assert_allclose(times, (episode.timestamp_ns - episode.timestamp_ns[0]) / 1e9, atol=1 / 90_000)
    assert sorted(path.name for path in tmp_path.rglob("*.*") if "shards" not in path.parts) == ["all.mp4", "few.png"]


@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
def test_a_picture_that_cannot_be_written_is_told(shards: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=rf"file/{name}: cannot be written"):
        draw_picture(shards / "robot", None, tmp_path / "file" / name, num_frames=1)


def test_predictions_need_a_png_and_something_that_was_held_out(shards: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "mixture.json"
    space = ActionSpace(horizon=4)
    mix([shards], manifest, MixOptions(batch_size=4, action_space=space, image_size_px=32, held_out_fraction=0.0))
    run = tmp_path / "run"
    train(manifest, run, make_settings({"steps": 1, "device": "cpu", "workers": 0}))
    refused: list[tuple[str, type[HumandataError], str]] = [
        ("a.mp4", UsageError, r"a\.mp4: the name must end in \.png"),
        ("a.png", UsageError, r"holds out no episode .*--held-out"),
    ]
    for name, kind, told in refused:
        with pytest.raises(kind, match=told):
            draw_picture(run, None, tmp_path / name, num_frames=2)
        assert not (tmp_path / name).exists()
