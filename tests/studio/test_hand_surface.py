from __future__ import annotations

from collections import Counter

import numpy as np
from scipy.spatial import cKDTree

from humandata.studio.hand_pose import pinch_angles
from humandata.studio.hand_shape import REFERENCE_HAND
from humandata.studio.hand_skeleton import NUM_DOF, bone_transforms, landmarks
from humandata.studio.hand_skin import HandLook, dressed_vertices, skin_colors, skin_tone
from humandata.studio.hand_surface import hand_surface
from humandata.studio.surface_nets import surface_nets


def test_surface_nets_of_a_sphere_are_closed_wound_outwards_and_as_large_as_the_sphere() -> None:
    axis = np.linspace(-1.2, 1.2, 25)
    # Uneven spacing along one axis must not show.
    uneven = np.concatenate([np.linspace(-1.2, 0.0, 10), np.linspace(0.08, 1.2, 16)])
    x, y, z = np.meshgrid(axis, uneven, axis, indexing="ij")
    vertices, triangles = surface_nets(np.sqrt(x**2 + y**2 + z**2) - 1.0, (axis, uneven, axis))
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    directed = Counter(map(tuple, edges.tolist()))
    assert all(count == 1 and directed[end, start] == 1 for (start, end), count in directed.items())
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    volume = np.sum(np.cross(a, b) * c) / 6.0
    # Vertices lie within about a tenth of a cell of the sphere, always on the inner side.
    assert 0.96 * 4.0 / 3.0 * np.pi < volume < 4.0 / 3.0 * np.pi


def test_every_vertex_hangs_on_bones_whose_weights_sum_to_one() -> None:
    weights = hand_surface().weights
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-12)
    assert weights.min() >= 0.0


def test_the_mesh_is_one_closed_surface() -> None:
    triangles = hand_surface().triangles
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    _, counts = np.unique(edges, axis=0, return_counts=True)
    assert np.all(counts % 2 == 0)


def test_flesh_stays_around_the_joints_in_every_posture() -> None:
    surface = hand_surface()
    angles = np.concatenate([np.zeros((1, NUM_DOF)), pinch_angles([0.013, 0.05, 0.1], REFERENCE_HAND)])
    for posture in angles:
        distance, _ = cKDTree(surface.posed(bone_transforms(posture))).query(landmarks(posture))
        # Half the thickness of a fingertip (4 mm) to half that of the thenar (22 mm): nothing collapses or bulges.
        assert distance.min() > 0.004
        assert distance.max() < 0.022


def test_the_skin_barely_stretches_across_a_bent_finger() -> None:
    surface = hand_surface()
    posed = surface.posed(bone_transforms(pinch_angles([0.02], REFERENCE_HAND)[0]))
    a, b = surface.triangles[:, 0], surface.triangles[:, 1]
    before = np.linalg.norm(surface.vertices[a] - surface.vertices[b], axis=1)
    after = np.linalg.norm(posed[a] - posed[b], axis=1)
    # The web beside the index is drawn out by a centimetre, as the index bends 35 degrees more than the middle finger
    # does; skin that hangs on the wrong finger would be drawn out over the length of a phalanx, 20 mm and more.
    assert (after - before).max() < 0.012
    assert np.quantile(after - before, 0.99) < 0.002


def test_dark_and_pale_skin_differ_and_palms_are_lighter_than_backs() -> None:
    surface = hand_surface()
    pale, dark = (skin_colors(surface, HandLook(skin_tone(tone), None, 0.1, 0)) for tone in (0.0, 5.0))
    assert pale.mean() > 2.0 * dark.mean()
    palm = surface.normals[:, 0] > 0.9
    back = surface.normals[:, 0] < -0.9
    assert dark[palm].mean() > dark[back].mean()


def test_a_sleeve_covers_the_forearm_only() -> None:
    surface = hand_surface()
    look = HandLook(skin_tone(2.0), (0.0, 0.0, 1.0), 0.1, 0)
    moved = np.linalg.norm(dressed_vertices(surface, look) - surface.vertices, axis=1) > 1e-6
    assert moved.any()
    assert surface.vertices[moved, 2].max() < -0.09
    np.testing.assert_array_equal(skin_colors(surface, look)[surface.vertices[:, 2] < -0.15][:, 2], 1.0)
