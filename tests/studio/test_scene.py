import numpy as np
import pytest

from humandata.studio.scene import BIN_SIZE_M, PlaceTask, sample_scene, sample_task, scene_meshes


@pytest.mark.parametrize("seed", range(20))
def test_nothing_overlaps_and_everything_stands_on_the_table(seed: int) -> None:
    scene = sample_scene(np.random.default_rng(seed), num_blocks=4)
    centres = np.array([block.T_world_block[:3, 3] for block in scene.blocks])
    gaps = np.linalg.norm(centres[:, None, :2] - centres[None, :, :2], axis=-1)[~np.eye(4, dtype=bool)]
    assert gaps.min() > 0.05 * np.sqrt(2)  # two cubes of 5 cm, corner to corner
    for block in scene.blocks:
        assert block.T_world_block[2, 3] == pytest.approx(block.size_m / 2)
        for each in scene.bins:
            distance = np.linalg.norm(block.T_world_block[:2, 3] - each.T_world_bin[:2, 3])
            assert distance > (block.size_m + BIN_SIZE_M[0]) / 2


def test_left_is_plus_y() -> None:
    scene = sample_scene(np.random.default_rng(0))
    assert scene.bin("left").T_world_bin[1, 3] > 0 > scene.bin("right").T_world_bin[1, 3]


def test_the_same_seed_gives_the_same_scene() -> None:
    first, again = (sample_scene(np.random.default_rng(7)) for _ in range(2))
    assert first.table_color == again.table_color
    for a, b in zip(first.blocks, again.blocks, strict=True):
        assert a.color == b.color
        np.testing.assert_array_equal(a.T_world_block, b.T_world_block)


def test_a_task_reads_as_an_instruction_and_fits_its_scene() -> None:
    assert PlaceTask("red", "left").text == "put the red block in the left bin"
    rng = np.random.default_rng(3)
    scene = sample_scene(rng)
    assert scene.block(sample_task(scene, rng).color)


def test_a_moved_block_is_drawn_where_it_is() -> None:
    scene = sample_scene(np.random.default_rng(1))
    block = scene.blocks[0]
    T = block.T_world_block.copy()
    T[:3, 3] = [0.0, 0.0, 0.3]
    still, moved = scene_meshes(scene), scene_meshes(scene, {block.color: T})
    index = len(still) - len(scene.blocks)
    np.testing.assert_allclose(moved[index].vertices.mean(axis=0), [0.0, 0.0, 0.3], atol=1e-9)
    for before, after in zip(still[index + 1 :], moved[index + 1 :], strict=True):
        np.testing.assert_array_equal(before.vertices, after.vertices)
