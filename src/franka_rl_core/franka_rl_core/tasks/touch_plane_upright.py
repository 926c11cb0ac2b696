# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Touch plane, upright: the hand is to stand on the point, not only to touch it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array, namespace
from franka_rl_core.state import ArmState
from franka_rl_core.tasks.base import Judgement
from franka_rl_core.tasks.touch_plane import TouchPlaneTask

# The hand is upright when a point so far above the tool, in the hand, is above the goal [m].
ABOVE = 0.1


class TouchPlaneUprightTask(TouchPlaneTask):
    """
    :class:`TouchPlaneTask` with a reward for a hand that is vertical.

    A goal has six numbers: where the tool shall be, and where the point of the hand shall be that
    is 10 cm above the tool. Success is that of the tool alone.
    """

    name = 'touch_plane_upright'
    rewards = {
        'dense': {'distance': -1.0, 'missed': -0.1, 'tilt': -1.0},
        'sparse': {'missed': -1.0},
        'seed': {'distance': -1.0, 'bonus': 1.0, 'tilt': -2.0},
    }
    reward_term_names = (*TouchPlaneTask.reward_term_names, 'tilt')
    goal_size = 6

    def fixed_goals(self) -> NDArray[np.float64]:
        """See :meth:`Task.fixed_goals`."""
        return np.asarray(_with_hand(super().fixed_goals()))

    def sample_goal(self, uniform: Array) -> Array:
        """See :meth:`Task.sample_goal`."""
        return _with_hand(super().sample_goal(uniform))

    def achieved_goal(self, arm: ArmState) -> Array:
        """See :meth:`Task.achieved_goal`."""
        tool = arm.tool_position
        hand = tool - ABOVE * arm.tool_rotation[:, :, 2]  # the tool's z axis points out of the hand
        return namespace(tool).concat([tool, hand], axis=1)

    def judge(self, achieved: Any, desired: Any) -> Judgement:
        """
        See :meth:`Task.judge`.

        A term more, ``tilt``: how far the point of the hand is beside, or below, the place above
        the tool [m].
        """
        away = (achieved[..., 3:] - achieved[..., :3]) - (desired[..., 3:] - desired[..., :3])
        x, y, z = away[..., 0], away[..., 1], away[..., 2]
        tilt = (x * x + y * y + z * z + 1e-12) ** 0.5  # its gradient is finite
        judgement = super().judge(achieved, desired)
        return judgement._replace(terms={**judgement.terms, 'tilt': tilt})


def _with_hand(goal: Array) -> Array:
    """Add where the hand shall be: (N, 3) → (N, 6)."""
    xp = namespace(goal)
    x, y, z = (goal[:, axis] for axis in range(3))
    return xp.stack([x, y, z, x, y, z + ABOVE], axis=0).T
