from __future__ import annotations

from pathlib import Path

import pytest

from humandata.errors import InputError
from humandata.geometry.distortion import FisheyeDistortion
from humandata.schemas.documents import canonical_json, read_document
from humandata.schemas.sidecar import Sidecar


def sidecar(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "clip.json"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"intrinsics": {"fx": 1, "fy": 1, "cx": 1, "cy": 1, "width": 4}}', "field 'intrinsics.height' is missing"),
        ('{"tsk": "fold"}', "unknown field 'tsk', did you mean 'task'"),
        ('{"intrinsics": {"fx": 1, "widht": 1}}', "unknown field 'intrinsics.widht', did you mean 'width'"),
        ('{"camera_motion": "still"}', "field 'camera_motion'"),
        ('{"intrinsics": {"fx": 1, "fy": 1, "cx": 1, "cy": 1, "width": 4, "height": 3, '
         '"distortion": {"model": "brown", "coefficients": [0.1, 0.2]}}}', "takes 4 or 5 or 8 coefficients, found 2"),
        ('{"hand_length_m": 18.5}', "field 'hand_length_m'"),
        ('{"depth": {"path": "depth"}}', "field 'depth.scale_m' is missing"),
        ("[1, 2]", "expected an object"),
        ('{"task": ', "not valid JSON"),
        (r'{"task": "\ud800"}', "surrogates not allowed"),
        ('{"camera_poses": {"world": "gravity", "timestamp_ns": [0, 0], "position": [[0,0,0],[0,0,0]], '
         '"wxyz": [[1,0,0,0],[1,0,0,0]]}}', "strictly increasing"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_sidecar_is_named_with_file_and_field(tmp_path: Path, text: str, told: str) -> None:
    path = sidecar(tmp_path, text)
    with pytest.raises(InputError) as failure:
        read_document(Sidecar, path)
    assert told in str(failure.value)
    assert str(path) in str(failure.value)


def test_a_sidecar_may_say_as_little_as_it_likes(tmp_path: Path) -> None:
    assert read_document(Sidecar, sidecar(tmp_path, "{}")) == Sidecar()


def test_a_calibrated_lens_becomes_a_camera_that_has_it(tmp_path: Path) -> None:
    text = (
        '{"intrinsics": {"fx": 600, "fy": 601, "cx": 319.5, "cy": 239.5, "width": 640, "height": 480, '
        '"distortion": {"model": "kannala_brandt", "coefficients": [0.1, 0.0, 0.0, 0.0]}}}'
    )
    intrinsics = read_document(Sidecar, sidecar(tmp_path, text)).intrinsics
    assert intrinsics is not None
    assert intrinsics.to_camera().distortion == FisheyeDistortion(0.1, 0.0, 0.0, 0.0)


def test_one_content_has_one_spelling() -> None:
    assert (
        canonical_json({"b": 1, "a": [1.5, "ü"]})
        == canonical_json({"a": [1.5, "ü"], "b": 1})
        == '{"a":[1.5,"ü"],"b":1}'
    )
