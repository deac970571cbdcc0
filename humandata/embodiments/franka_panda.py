"""Franka Emika Panda with its own parallel gripper, in robosuite's (so robomimic's and LIBERO's) conventions.

`robot0_eef_pos` is the site between the fingertips, `robot0_eef_quat` the orientation of the hand's body
(robosuite `models/assets/robots/panda/robot.xml`, `models/assets/grippers/panda_gripper.xml`: the finger joints slide
along y of a body that is turned by 90 degrees about z, hence along x of the hand):

            z_tool = z_ee (approach)
               |
         |     |     |
         |___  o  ___|  ---> x_tool = x_ee (closing)       o = origin of both, between the fingertips
             |   |            y = z x x, out of the page's back
             |___|

`robot0_gripper_qpos` holds both fingers, +0.04 and -0.04 m when open; the reading is their distance.
"""

from __future__ import annotations

import numpy as np

from humandata.embodiments.embodiment import Embodiment, GripperRange

FRANKA_PANDA = Embodiment(
    name="franka_panda",
    kind="robot",
    arms=("right",),
    gripper=GripperRange(closed=0.0, open=0.08, max_aperture_m=0.08),
    T_tool_ee=np.eye(4),
    aliases=("panda", "franka"),
)
