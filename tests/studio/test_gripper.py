import numpy as np
import pytest

from humandata.geometry.rotations import matrix_from_rotvec
from humandata.geometry.transforms import apply, invert, make_transform
from humandata.studio.gripper import FLANGE_Z_M, FOREARM_M, UPPER_ARM_M, arm_mesh, gripper_mesh
from humandata.studio.motion import tool_rotation

T_WORLD_TOOL = make_transform(tool_rotation([0.0, 1.0, 0.0], 0.1), [0.1, 0.05, 0.04])


@pytest.mark.parametrize("opening_m", [0.01, 0.04, 0.085])
def test_the_fingertips_are_as_far_apart_as_asked(opening_m: float) -> None:
    points = apply(invert(T_WORLD_TOOL), gripper_mesh(T_WORLD_TOOL, opening_m).vertices)
    tips = points[points[:, 2] > -0.02]
    assert tips[tips[:, 0] > 0, 0].min() == pytest.approx(opening_m / 2, abs=1e-6)
    assert tips[tips[:, 0] < 0, 0].max() == pytest.approx(-opening_m / 2, abs=1e-6)
    assert points[:, 2].min() == pytest.approx(FLANGE_Z_M, abs=1e-6)
    assert 0.0 < points[:, 2].max() < 0.02


def test_the_arm_reaches_from_the_base_to_the_flange() -> None:
    T_world_base = make_transform(matrix_from_rotvec([0.0, 0.0, 0.2]), [-0.55, 0.0, 0.0])
    points = arm_mesh(T_world_base, T_WORLD_TOOL).vertices
    flange = T_WORLD_TOOL[:3, 3] + FLANGE_Z_M * T_WORLD_TOOL[:3, 2]
    assert np.linalg.norm(points - flange, axis=1).min() < 1e-6
    assert points[:, 2].min() == pytest.approx(0.0, abs=1e-9)
    reach = np.linalg.norm(points - T_world_base[:3, 3], axis=1).max()
    assert reach < 0.333 + UPPER_ARM_M + FOREARM_M + 0.2
