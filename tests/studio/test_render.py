from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import ConvexHull

from humandata.geometry.cameras import Camera
from humandata.geometry.transforms import apply, invert, make_transform
from humandata.studio.look import Look, sample_look
from humandata.studio.mesh import Mesh, box, capsule, concatenate, cylinder, open_box
from humandata.studio.render import Shutter, render
from humandata.studio.robot_episode import look_at
from humandata.studio.scene import sample_scene, scene_meshes

CAMERA = Camera.from_horizontal_fov(1.2, 64, 48)
T_WORLD_CAMERA = look_at([-0.4, 0.05, 0.5], [0.06, 0.0, 0.0])


@pytest.fixture
def look() -> Look:
    return replace(sample_look(np.random.default_rng(0)), noise_sigma=0.0)


def area(mesh: Mesh) -> float:
    a, b, c = np.moveaxis(mesh.vertices[mesh.triangles], 1, 0)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)


@pytest.mark.parametrize("bevel", [0.0, 0.01])
def test_a_box_is_closed_and_convex(bevel: float) -> None:
    mesh = box([0.1, 0.2, 0.3], (1.0, 1.0, 1.0), bevel=bevel)
    assert area(mesh) == pytest.approx(ConvexHull(mesh.vertices).area)


def test_cylinder_and_capsule_have_the_area_of_the_solid() -> None:
    white = (1.0, 1.0, 1.0)
    # 24 flat sides fall short of the round surface by about 1 % (and of the cap by 1.2 %).
    assert area(cylinder(0.1, 0.5, white)) == pytest.approx(2 * np.pi * 0.1 * 0.6, rel=0.02)
    assert area(capsule(0.1, 0.5, white)) == pytest.approx(2 * np.pi * 0.1 * (0.5 + 0.2), rel=0.02)


def test_depth_of_the_table_is_the_planes(look: Look) -> None:
    depth = render(scene_meshes(sample_scene(np.random.default_rng(1)))[:1], CAMERA, T_WORLD_CAMERA, look).depth
    pixels = np.stack(np.meshgrid(np.arange(64), np.arange(48)), axis=-1)
    rays = CAMERA.unproject(pixels, np.ones((48, 64))) @ T_WORLD_CAMERA[:3, :3].T
    expected = -T_WORLD_CAMERA[2, 3] / rays[..., 2]
    on_table = np.isfinite(depth)
    assert on_table.mean() > 0.7
    np.testing.assert_allclose(depth[on_table], expected[on_table], rtol=1e-5)  # rays are float32


def test_pixels_that_show_nothing_have_infinite_depth(look: Look) -> None:
    rendering = render([box([0.1, 0.1, 0.1], (1.0, 0.0, 0.0))], CAMERA, T_WORLD_CAMERA, look)
    assert np.isinf(rendering.depth[0]).all()
    assert rendering.image.dtype == np.uint8
    assert rendering.image.shape == (48, 64, 3)


def test_a_blocks_centre_projects_onto_its_colour(look: Look) -> None:
    scene = sample_scene(np.random.default_rng(2), num_blocks=4)
    image = render(scene_meshes(scene), CAMERA, T_WORLD_CAMERA, look).image.astype(int)
    strongest = {"red": [0], "green": [1], "blue": [2], "yellow": [0, 1]}
    for block in scene.blocks:
        centre = apply(invert(T_WORLD_CAMERA), block.T_world_block[None, :3, 3])[0]
        column, row = np.round(CAMERA.project(centre)).astype(int)
        channels = strongest[block.color]
        others = [channel for channel in range(3) if channel not in channels]
        assert image[row, column, channels].min() > image[row, column, others].max() + 30, block.color


def test_what_blocks_the_key_light_casts_a_shadow(look: Look) -> None:
    overhead = replace(look, key_direction=(0.0, 0.0, 1.0))
    table = scene_meshes(sample_scene(np.random.default_rng(3)))[0]
    shade = box([0.2, 0.2, 0.01], (1.0, 1.0, 1.0)).transformed(make_transform(np.eye(3), [0.06, 0.0, 0.6]))
    open_, covered = (
        render(meshes, CAMERA, T_WORLD_CAMERA, overhead).image[24, 32].mean() for meshes in ([table], [table, shade])
    )
    assert covered < 0.75 * open_


def test_curved_surfaces_shade_smoothly(look: Look) -> None:
    ball = capsule(0.15, 1e-6, (0.5, 0.5, 0.5), gloss=0.0)
    image = render([ball], CAMERA, T_WORLD_CAMERA, replace(look, blur_px=0.1)).image.astype(int)
    across = image[25, 28:36].mean(axis=-1)
    assert np.abs(np.diff(across)).max() < 15  # facets of 15 degrees would show as steps


def test_a_meshs_place_in_the_list_does_not_matter(look: Look) -> None:
    meshes = scene_meshes(sample_scene(np.random.default_rng(4)))
    forwards = render(meshes, CAMERA, T_WORLD_CAMERA, look).image.astype(int)
    backwards = render(meshes[::-1], CAMERA, T_WORLD_CAMERA, look).image.astype(int)
    assert np.abs(forwards - backwards).max() <= 1


def test_a_moving_mesh_is_smeared_and_a_still_one_is_not(look: Look) -> None:
    block = box([0.1, 0.1, 0.1], (1.0, 0.0, 0.0))
    moved = block.transformed(make_transform(np.eye(3), [0.0, 0.06, 0.0]))
    sharp = render([block], CAMERA, T_WORLD_CAMERA, look)
    still = render([block], CAMERA, T_WORLD_CAMERA, look, shutter=Shutter([block], T_WORLD_CAMERA))
    smeared = render([block], CAMERA, T_WORLD_CAMERA, look, shutter=Shutter([moved], T_WORLD_CAMERA))
    np.testing.assert_array_equal(still.image, sharp.image)
    row = int(np.argmax(np.isfinite(sharp.depth).sum(axis=1)))
    steepest = [np.abs(np.diff(each.image[row, :, 1].astype(int))).max() for each in (sharp, smeared)]
    assert steepest[1] < 0.7 * steepest[0]
    np.testing.assert_array_equal(smeared.depth, sharp.depth)


def test_a_turning_camera_smears_what_stands_still(look: Look) -> None:
    meshes = scene_meshes(sample_scene(np.random.default_rng(5)))
    later = look_at([-0.4, 0.05, 0.5], [0.06, 0.08, 0.0])
    sharp = render(meshes, CAMERA, T_WORLD_CAMERA, look).image.astype(float)
    smeared = render(meshes, CAMERA, T_WORLD_CAMERA, look, shutter=Shutter(meshes, later)).image.astype(float)
    assert np.abs(np.diff(smeared, axis=1)).mean() < 0.8 * np.abs(np.diff(sharp, axis=1)).mean()


def test_noise_has_the_asked_strength_and_is_reproducible(look: Look) -> None:
    meshes = [box([0.6, 0.6, 0.01], (0.25, 0.25, 0.25), gloss=0.0)]
    noisy = replace(look, noise_sigma=4.0)
    first, again, other = (
        render(meshes, CAMERA, T_WORLD_CAMERA, noisy, noise_seed=seed).image.astype(float) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    patch = (first - other)[18:30, 24:40]
    # The difference of two frames has sqrt(2) of one's noise; the plate is near mid-grey, and 576 samples give 3 %.
    assert patch.std() / np.sqrt(2) == pytest.approx(4.0, rel=0.3)


def test_concatenating_keeps_every_triangle() -> None:
    parts = [box([1, 1, 1], (1, 0, 0)), open_box([1, 1, 1], 0.1, (0, 1, 0))]
    whole = concatenate(parts)
    assert len(whole.triangles) == sum(len(part.triangles) for part in parts)
    assert area(whole) == pytest.approx(sum(area(part) for part in parts))
