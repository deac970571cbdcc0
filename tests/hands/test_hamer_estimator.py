"""HaMeR's own classes, small and with random weights: not what it sees is tested, but what is made of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hamer_builders import small_backbone, write_hamer_files

from humandata.arrays import FloatArray, Image
from humandata.errors import InputError
from humandata.geometry.cameras import Camera
from humandata.geometry.rotations import matrix_from_rotvec
from humandata.hands.crops import crop_around, cut
from humandata.hands.estimator import DetectSettings
from humandata.hands.hamer_files import HamerFiles, missing_packages
from humandata.hands.reconstruction import to_detection
from humandata.hands.weights import verify
from humandata.studio.clip import ClipOptions, plan_clip, render_clip
from humandata.studio.scene import PlaceTask

pytestmark = pytest.mark.skipif(bool(missing_packages()), reason=f"not installed: {', '.join(missing_packages())}")

needs_weights = pytest.mark.skipif(
    verify("hand_landmarker").state not in {"given", "cached"}, reason="no weights: run `humandata models --fetch`"
)
CAMERA = Camera(fx=500.0, fy=520.0, cx=330.0, cy=200.0, width=640, height=480)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> HamerFiles:
    return write_hamer_files(tmp_path_factory.mktemp("hamer"))


@pytest.fixture(autouse=True)
def small() -> Iterator[None]:
    with small_backbone():
        yield


def network(files: HamerFiles, half: bool = False):  # type: ignore[no-untyped-def]  # its module imports hamer
    from humandata.hands.hamer_network import HamerNetwork

    return HamerNetwork(files, torch.device("cpu"), half)


def noise(seed: int, height: int = 480, width: int = 640) -> Image:
    """A coarse random picture: crops of it differ from one another."""
    coarse = np.random.default_rng(seed).integers(0, 255, (height // 16, width // 16, 3), np.uint8)
    return np.asarray(coarse.repeat(16, axis=0).repeat(16, axis=1))


def some_landmarks(x: float, y: float) -> FloatArray:
    return np.array([[x, y], [x + 90.0, y + 120.0]]).repeat([1, 20], axis=0)


def test_a_crop_is_the_picture_that_hamer_would_cut(files: HamerFiles) -> None:
    dataset = pytest.importorskip("hamer.datasets.vitdet_dataset", reason="needs webdataset and scikit-image")
    from humandata.hands.hamer_network import make_config

    image, config = noise(0), make_config(files)
    config.defrost()
    config.MODEL.BBOX_SHAPE = [192, 256]  # as `load_hamer` sets it
    for landmarks in (some_landmarks(200, 100), some_landmarks(-40, 350), some_landmarks(30, 20) * 3.5):
        for right in (1, 0):
            crop = crop_around(landmarks, "right" if right else "left")
            box = np.array([[*landmarks.min(axis=0), *landmarks.max(axis=0)]])
            [item] = dataset.ViTDetDataset(config, image[..., ::-1], box, np.array([right]), rescale_factor=2.0)
            mean, std = (255.0 * np.array(config.MODEL[name])[:, None, None] for name in ("IMAGE_MEAN", "IMAGE_STD"))
            theirs = (item["img"] * std + mean).transpose(1, 2, 0)
            assert item["box_size"] == pytest.approx(crop.size_px)
            np.testing.assert_allclose(item["box_center"], crop.center_px)
            # by a grey level for rounding; the blur of large crops is cut off elsewhere, which costs a few at edges
            assert np.abs(cut(image, crop) - theirs).mean() < 1.0
            assert np.abs(cut(image, crop) - theirs).max() < 12.0


def test_a_batch_gives_what_one_at_a_time_gives_and_half_precision_nearly(files: HamerFiles) -> None:
    pictures = [noise(seed, 256, 256) for seed in range(5)]
    single, half = network(files), network(files, half=True)
    for one, together, halved in zip([single([p])[0] for p in pictures], single(pictures), half(pictures), strict=True):
        for name, value in vars(one).items():
            np.testing.assert_allclose(getattr(together, name), value, atol=1e-5, err_msg=name)
            # 16 bits hold 3 digits; the pose is an angle of the order of 1
            np.testing.assert_allclose(getattr(halved, name), value, atol=0.01, err_msg=name)


def test_the_mirror_image_of_a_hand_is_the_other_hand(files: HamerFiles) -> None:
    """A left hand in an image is the mirror image of a right hand in the mirrored image, in every number."""
    image, camera = noise(1), CAMERA
    mirrored_camera = replace(camera, cx=camera.width - 1 - camera.cx)
    landmarks = some_landmarks(120, 180)
    mirrored_landmarks = landmarks * [-1, 1] + [camera.width - 1, 0]
    left, right = crop_around(landmarks, "left"), crop_around(mirrored_landmarks, "right")
    pictures = [cut(image, left), cut(np.ascontiguousarray(image[:, ::-1]), right)]
    of_left, of_right = network(files)(pictures)
    a = to_detection(of_left, left, "left", 1.0, camera)
    b = to_detection(of_right, right, "right", 1.0, mirrored_camera)
    assert a.landmarks_camera is not None
    assert b.landmarks_camera is not None
    assert a.mano is not None
    assert b.mano is not None
    np.testing.assert_allclose(a.landmarks_px, b.landmarks_px * [-1, 1] + [camera.width - 1, 0], atol=0.1)
    np.testing.assert_allclose(a.landmarks_camera, b.landmarks_camera * [-1, 1, 1], atol=1e-3)
    np.testing.assert_allclose(a.mano.global_orient, b.mano.global_orient * [1, -1, -1], atol=1e-3)
    np.testing.assert_allclose(a.mano.hand_pose, b.mano.hand_pose * [1, -1, -1], atol=1e-3)


@pytest.mark.parametrize("side", ["left", "right"])
def test_mano_posed_as_reported_has_its_joints_at_the_landmarks(files: HamerFiles, side: str) -> None:
    """Of a left hand the mirror image is posed, as there is a right model only."""
    from hamer.models import MANO

    from humandata.hands.hamer_network import make_config

    image, crop = noise(2), crop_around(some_landmarks(420, 60), "left" if side == "left" else "right")
    [seen] = network(files)([cut(image, crop)])
    found = to_detection(seen, crop, "left" if side == "left" else "right", 1.0, CAMERA)
    assert found.landmarks_camera is not None
    assert found.mano is not None
    signs = np.array([-1.0, 1.0, 1.0]) if side == "left" else np.ones(3)
    turns = signs * signs[0]  # an axis of rotation is reflected the other way round
    mano = MANO(**{name.lower(): value for name, value in dict(make_config(files).MANO).items()})
    joints = mano(
        global_orient=rotations(found.mano.global_orient[None] * turns),
        hand_pose=rotations(found.mano.hand_pose * turns),
        betas=torch.tensor(found.mano.betas[None], dtype=torch.float32),
        pose2rot=False,
    ).joints[0, :21]
    landmarks = joints.numpy() * signs
    expected = found.landmarks_camera - found.landmarks_camera[0]
    np.testing.assert_allclose(landmarks - landmarks[0], expected, atol=1e-5)


def rotations(rotvecs: FloatArray) -> torch.Tensor:
    return torch.tensor(matrix_from_rotvec(rotvecs)[None], dtype=torch.float32)


def test_the_3d_landmarks_land_on_the_2d_ones(files: HamerFiles) -> None:
    for seed, side in enumerate(("left", "right")):
        crop = crop_around(some_landmarks(60 + 400 * seed, 300 - 250 * seed), "left" if side == "left" else "right")
        [seen] = network(files)([cut(noise(seed), crop)])
        found = to_detection(seen, crop, "left" if side == "left" else "right", 1.0, CAMERA)
        assert found.landmarks_camera is not None
        extent_px = np.linalg.norm(np.ptp(found.landmarks_px, axis=0))
        off = CAMERA.project(found.landmarks_camera) - found.landmarks_px
        assert np.sqrt(np.mean(np.sum(off**2, axis=1))) < 0.05 * extent_px


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    other = write_hamer_files(tmp_path)
    torch.save({"state_dict": {"backbone.pos_embed": torch.zeros(1, 193, 32)}}, other.checkpoint)
    with pytest.raises(InputError, match=r"hamer\.ckpt: not a checkpoint of this HaMeR"):
        network(other)


@needs_weights
def test_frames_go_in_and_hands_come_out_whatever_the_size_of_a_batch(files: HamerFiles) -> None:
    from humandata.hands.hamer_estimator import HamerEstimator

    options = ClipOptions(PlaceTask("blue", "right"), moving_camera=False, second_hand=True, max_duration_s=5 / 25)
    images: list[Image] = [
        *(frame.image for frame in render_clip(plan_clip(1, options))),
        np.zeros((480, 640, 3), np.uint8),
    ]
    found = {}
    for batch_size in (1, 3, 100):
        estimator = HamerEstimator(DetectSettings(estimator="hamer", batch_size=batch_size), files.folder)
        found[batch_size] = list(estimator.track(((i * 40_000_000, image) for i, image in enumerate(images)), CAMERA))
        assert list(estimator.track([], CAMERA)) == []
    assert len(estimator.weights_sha256) == 64
    hands = [hand for frame in found[3] for hand in frame]
    assert len(hands) >= 5
    assert all(hand.mano is not None and hand.landmarks_px.shape == (21, 2) for hand in hands)
    for other in (found[1], found[100]):
        assert [len(frame) for frame in other] == [len(frame) for frame in found[3]]
        for a, b in zip(hands, (hand for frame in other for hand in frame), strict=True):
            assert (a.side, a.score) == (b.side, b.score)
            np.testing.assert_allclose(a.landmarks_px, b.landmarks_px, atol=0.01)


def test_the_estimator_satisfies_the_protocol_before_it_is_set_up(files: HamerFiles) -> None:
    from humandata.hands import make_estimator

    estimator = make_estimator(DetectSettings(estimator="hamer"), files.folder)
    assert "mediapipe" in estimator.version
    assert estimator.name == "hamer"


@needs_weights
def test_extraction_stores_what_hamer_says_beside_the_trajectory(
    files: HamerFiles, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from humandata.dataset.read import open_source
    from humandata.dataset.validate import validate_source
    from humandata.pipelines.extract import extract
    from humandata.pipelines.recipe import load_recipe

    monkeypatch.setenv("HUMANDATA_HAMER", str(files.folder))
    recipe = load_recipe("default", ["detect.estimator=hamer", "decode.rate_hz=15", "filters={}"])
    [summary] = extract([clips / "videos"], tmp_path / "shards", recipe, num_workers=1)
    assert summary.failures == {}
    source = open_source(tmp_path / "shards" / "videos")
    assert list(validate_source(source)) == []
    row = source.episodes().to_pylist()[0]
    assert row["estimator"].startswith("hamer ")
    hands = [arm.hand for arm in source.read_episode(row["id"], images=False).arms.values() if arm.valid.mean() > 0.5]
    assert hands
    for hand in hands:
        assert hand is not None
        assert hand.mano is not None
        assert np.isfinite(hand.mano.betas).all(axis=1).mean() > 0.5
