# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether an arm can bring its tool to a goal; asked before anything is started."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import SafetyConfig
from franka_rl_core.safety.slide import workspace_box

# A posture that brings the tool so near to a goal reaches it [m].
TOLERANCE_M = 1e-3


def check_goals(model: RobotModel, config: SafetyConfig, goals: ArrayLike) -> None:
    """
    Refuse goals that no posture reaches, or that the workspace limit keeps the tool away from.

    :param goals: (K, 3) or more numbers, of which the first three are a place in base [m].
    :raises RefusedError: names the first such goal, and what is possible.
    """
    places = np.atleast_2d(np.asarray(goals, np.float64))[:, :3]
    low, high = workspace_box(model, config)
    for place in places:
        if not ((place >= low) & (place <= high)).all():
            box = ', '.join(
                f'{axis} {a:g} to {b:g}' for axis, a, b in zip('xyz', low, high, strict=True)
            )
            raise RefusedError(
                f'goal {_text(place)} is outside of the workspace of {model.name}: {box} m'
            )
    home = np.tile(model.home, (len(places), 1))
    nearest = model.tool_position(model.inverse_kinematics(places, home))
    for place, tool in zip(places, nearest, strict=True):
        if not np.linalg.norm(tool - place) <= TOLERANCE_M:
            raise RefusedError(
                f'goal {_text(place)} is out of the reach of {model.name}: '
                f'the nearest that it comes to is {_text(tool)}'
            )


def _text(place: ArrayLike) -> str:
    return '({:.3f}, {:.3f}, {:.3f}) m'.format(*np.asarray(place))
