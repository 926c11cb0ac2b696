# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A perfect arm without physics: every target is reached exactly. For tests and first tries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import ArithmeticBackend
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import RobotState


class MockBackend(ArithmeticBackend):
    """N arms that are at their target one control period later, whatever the target."""

    name = 'mock'
    resets_exactly = True

    def __init__(
        self, model: RobotModel, num_worlds: int = 1, control_period_s: float = 0.04
    ) -> None:
        super().__init__(model, num_worlds, control_period_s)
        home = np.tile(model.home, (num_worlds, 1))
        self.state = RobotState(home, np.zeros_like(home), np.zeros(num_worlds, np.int64))

    def reset(
        self, joint_position: NDArray[np.float64], worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        rows = slice(None) if worlds is None else list(worlds)
        position, velocity = self.state.joint_position.copy(), self.state.joint_velocity.copy()
        position[rows] = joint_position
        velocity[rows] = 0.0
        self.state = RobotState(position, velocity, self.state.stamp_ns)
        return self.state

    def moved(self, state: RobotState, joint_target: NDArray[np.float64]) -> RobotState:
        """See :meth:`ArithmeticBackend.moved`."""
        target = joint_target.copy()
        velocity = (target - state.joint_position) / self.control_period_s
        return RobotState(target, velocity, state.stamp_ns + self._period_ns)
