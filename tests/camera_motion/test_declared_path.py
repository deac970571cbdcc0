"""The camera: where the sidecar says, and never silently at rest."""

from __future__ import annotations

import numpy as np
from hand_builders import timestamps

from humandata.camera_motion.declared import path_in_sidecar as camera_path
from humandata.geometry.rotations import angle_between, matrix_from_rotvec, wxyz_from_matrix
from humandata.schemas.sidecar import CameraPoses, Sidecar


def turning(pose_ns: list[int]) -> CameraPoses:
    """One radian a second about x, and one metre a second along y."""
    seconds = np.array(pose_ns)[:, None] / 1e9
    wxyz = wxyz_from_matrix(matrix_from_rotvec(seconds * [1.0, 0.0, 0.0]))
    return CameraPoses(
        world="gravity",
        timestamp_ns=tuple(pose_ns),
        position=tuple((0.0, float(s), 0.0) for s in seconds[:, 0]),
        wxyz=tuple((float(q[0]), float(q[1]), float(q[2]), float(q[3])) for q in wxyz),
    )


def test_poses_are_interpolated_at_the_frames_and_not_beyond() -> None:
    stamps = timestamps(31)
    path = camera_path(stamps, Sidecar(camera_poses=turning([100_000_000, 200_000_000, 400_000_000, 800_000_000])))
    assert path.world_frame == "gravity"
    assert path.camera_motion == "sidecar"
    inside = (stamps >= 100_000_000) & (stamps <= 800_000_000)
    np.testing.assert_array_equal(path.world_valid, inside)
    np.testing.assert_array_equal(np.isfinite(path.T_world_camera).all(axis=(1, 2)), inside)
    seconds = stamps[inside, None] / 1e9
    np.testing.assert_allclose(path.T_world_camera[inside, 1, 3], seconds[:, 0], atol=1e-9)
    R = matrix_from_rotvec(seconds * [1.0, 0.0, 0.0])
    np.testing.assert_allclose(angle_between(path.T_world_camera[inside, :3, :3], R), 0.0, atol=1e-6)


def test_a_hole_in_the_poses_is_a_hole_in_the_path() -> None:
    stamps = timestamps(31)
    path = camera_path(stamps, Sidecar(camera_poses=turning([0, 200_000_000, 900_000_000, 1_000_000_000])))
    np.testing.assert_array_equal(path.world_valid, (stamps <= 200_000_000) | (stamps >= 900_000_000))


def test_a_camera_declared_static_is_the_world() -> None:
    path = camera_path(timestamps(3), Sidecar(camera_motion="static"))
    assert (path.world_frame, path.camera_motion) == ("camera_start", "static")
    np.testing.assert_array_equal(path.T_world_camera, np.tile(np.eye(4), (3, 1, 1)))
    assert path.world_valid.all()


def test_one_pose_of_a_static_camera_holds_throughout() -> None:
    path = camera_path(timestamps(30), Sidecar(camera_motion="static", camera_poses=turning([500_000_000])))
    assert (path.world_frame, path.camera_motion) == ("gravity", "static")
    assert path.world_valid.all()
    np.testing.assert_allclose(path.T_world_camera[:, 1, 3], 0.5)


def test_what_is_not_said_is_not_known() -> None:
    for sidecar in (None, Sidecar(task="wipe"), Sidecar(camera_motion="moving")):
        path = camera_path(timestamps(3), sidecar)
        assert (path.world_frame, path.camera_motion) == ("camera", "unknown")
        assert not path.world_valid.any()
        assert np.isnan(path.T_world_camera).all()
