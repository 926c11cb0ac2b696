# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Touch point: bring the tool to one point, always the same."""

from __future__ import annotations

from franka_rl_core.arrays import Array, namespace
from franka_rl_core.tasks.touch import TouchTask


class TouchPointTask(TouchTask):
    """Touch the point (0.2, 0.1, 0.4) m; see :mod:`franka_rl_core.tasks.touch`."""

    name = 'touch_point'
    goals = ((0.2, 0.1, 0.4),)

    def sample_goal(self, uniform: Array) -> Array:
        """See :meth:`Task.sample_goal`."""
        zero = 0.0 * uniform[:, 0]
        return namespace(uniform).stack([zero + number for number in self.goals[0]], axis=0).T
