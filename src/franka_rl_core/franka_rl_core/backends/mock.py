# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A perfect arm without physics: every target is reached exactly. For tests and first tries."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.backends.base import ArithmeticBackend
from franka_rl_core.state import RobotState


class MockBackend(ArithmeticBackend):
    """N arms that are at their target one control period later, whatever the target."""

    name = 'mock'
    resets_exactly = True

    def moved(self, state: RobotState, joint_target: NDArray[np.float64]) -> RobotState:
        """See :meth:`ArithmeticBackend.moved`."""
        target = joint_target.copy()
        velocity = (target - state.joint_position) / self.control_period_s
        return RobotState(target, velocity, state.stamp_ns + self._period_ns)
