# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A perfect arm without physics: every target is reached exactly. For tests and first tries."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import Backend
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import RobotState


class MockBackend(Backend):
    """N arms that are at their target one control period later, whatever the target."""

    name = 'mock'
    resets_exactly = True

    def __init__(
        self, model: RobotModel, num_worlds: int = 1, control_period_s: float = 0.04
    ) -> None:
        super().__init__(model, num_worlds, control_period_s)
        self._position = np.tile(model.home, (num_worlds, 1))
        self._velocity = np.zeros_like(self._position)
        self._stamp_ns = np.zeros(num_worlds, np.int64)

    def reset(
        self, joint_position: NDArray[np.float64], worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        rows = slice(None) if worlds is None else list(worlds)
        self._position = self._position.copy()
        self._velocity = self._velocity.copy()
        self._position[rows] = joint_position
        self._velocity[rows] = 0.0
        return self._state()

    def step(self, joint_target: NDArray[np.float64]) -> RobotState:
        """See :meth:`Backend.step`."""
        target = self._checked(joint_target).copy()
        self._velocity = (target - self._position) / self.control_period_s
        self._position = target
        self._stamp_ns = self._stamp_ns + self._period_ns
        return self._state()

    def _state(self) -> RobotState:
        return RobotState(self._position, self._velocity, self._stamp_ns)
