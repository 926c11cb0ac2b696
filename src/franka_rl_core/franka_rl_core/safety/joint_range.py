# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint range: targets keep a margin to the position limits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Arrays
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Limit, Proposal, Reason, SafetyConfig
from franka_rl_core.state import ArmState


class JointRangeLimit(Limit):
    """Clip to the joint position limits less the margin."""

    name = 'joint_range'

    def __init__(
        self, model: RobotModel, config: SafetyConfig, control_period_s: float, arrays: Arrays
    ) -> None:
        super().__init__(model, config, control_period_s, arrays)
        self._lower, self._upper = map(arrays.column, allowed_range(model, config))

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        xp = self.arrays.xp
        target = xp.minimum(xp.maximum(proposal.target, self._lower), self._upper)
        proposal.clip(target, Reason.JOINT_RANGE)


def allowed_range(
    model: RobotModel, config: SafetyConfig
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the lowest and highest joint positions a policy may go to: (7,), (7,) [rad]."""
    return model.range_lower + config.joint_margin, model.range_upper - config.joint_margin
