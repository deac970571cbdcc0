"""Franka Emika Panda with a Robotiq 2F-85, in DROID's conventions.

`cartesian_position` is the wrist site (droid-dataset/droid issue 2; `droid/robot_ik/franka/panda.xml`): at the flange,
with the axes of `panda_hand`, whose fingers close along y. The EE origin is between the fingertips, 0.145 m further out
(the `pinch` site of MuJoCo Menagerie's `robotiq_2f85/2f85.xml`):

            z_tool = z_ee (approach)
               |
         |     o     |     o = EE origin, 0.145 m from the tool's origin
         |___     ___|  ---> y_tool = x_ee (closing)
             |   |
             |_t_|         t = tool origin, at the flange;  y_ee = z x x_ee = -x_tool

`gripper_position` is 0 when open and 1 when closed.
"""

from __future__ import annotations

import numpy as np

from humandata.embodiments.embodiment import Embodiment, GripperRange

FRANKA_PANDA_ROBOTIQ_2F85 = Embodiment(
    name="franka_panda_robotiq_2f85",
    kind="robot",
    arms=("right",),
    gripper=GripperRange(closed=1.0, open=0.0, max_aperture_m=0.085),
    T_tool_ee=np.array(
        [
            [0.0, -1.0, 0.0, 0.0],
            [1.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, 0.145],
            [0.0, 0.0, 0.0, 1.0],
        ]
    ),
    aliases=("droid", "franka_droid"),
)
