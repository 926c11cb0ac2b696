# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Touch plane: bring the tool to one of nine points of a horizontal plane."""

from __future__ import annotations

import itertools

from franka_rl_core.arrays import Array, namespace
from franka_rl_core.tasks.touch import TouchTask

# The points are a square lattice in the plane of the robot base [m].
FIRST_X, STEP_X = 0.4, 0.1
FIRST_Y, STEP_Y = -0.2, 0.2
HEIGHT = 0.0
SIDE = 3


def _lattice(x: float, y: float) -> tuple[float, float, float]:
    return round(FIRST_X + STEP_X * x, 9), round(FIRST_Y + STEP_Y * y, 9), HEIGHT


class TouchPlaneTask(TouchTask):
    """Touch one of the points x ∈ {0.4, 0.5, 0.6}, y ∈ {-0.2, 0, 0.2}, z = 0 m, drawn at random."""

    name = 'touch_plane'
    goals = tuple(_lattice(*place) for place in itertools.product(range(SIDE), repeat=2))

    def sample_goal(self, uniform: Array) -> Array:
        """See :meth:`Task.sample_goal`."""
        xp = namespace(uniform)
        x, y = (xp.floor(SIDE * uniform[:, axis]) for axis in range(2))
        rows = [FIRST_X + STEP_X * x, FIRST_Y + STEP_Y * y, 0.0 * x + HEIGHT]
        return xp.stack(rows, axis=0).T
