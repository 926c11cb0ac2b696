# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Reach: what the joints can do in one control period. Always the last limit of the chain."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Limit, Proposal, Reason, SafetyConfig
from franka_rl_core.safety.joint_range import allowed_range
from franka_rl_core.state import ArmState

# Braking before a position limit plans with this share of the allowed deceleration; the rest absorbs tracking error.
BRAKING_SHARE = 0.8


class ReachLimit(Limit):
    """
    Clip to what velocity and acceleration allow from the measured state, so that the arm can always still stop
    before its position limits.

    The velocity over the period is v = (target − q)/T. It is clipped first to the velocity limits and to the
    braking velocity before each end of the range, then to the acceleration limit q̇ ± aT. The acceleration comes
    last: a sudden move is worse than a limit that is crossed slowly. The jerk limits of the robots (at least
    3750 rad/s³) allow any change of acceleration within a control period of 10 ms or more, so they cannot bind here.
    """

    name = 'reach'

    def __init__(self, model: RobotModel, config: SafetyConfig, control_period_s: float) -> None:
        super().__init__(model, config, control_period_s)
        self._lower, self._upper = allowed_range(model, config)
        acceleration = config.acceleration_fraction * model.acceleration
        self._change = acceleration * control_period_s  # of velocity in one period [rad/s]
        self._braking = BRAKING_SHARE * acceleration

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        measured, speed = arm.joint_position, arm.joint_velocity
        low, high = self._velocity_bounds(measured)
        asked = (proposal.target - measured) / self.control_period_s
        velocity = np.minimum(np.maximum(asked, low), high)
        velocity = np.minimum(np.maximum(velocity, speed - self._change), speed + self._change)
        # A target that is not clipped keeps its bits.
        reached = measured + velocity * self.control_period_s
        target = np.where(velocity == asked, proposal.target, reached)
        # An arm whose state is not finite is held where the chain said.
        target = np.where(np.isfinite(target), target, proposal.hold)
        proposal.clip(target, Reason.REACH)

    def _velocity_bounds(
        self, position: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low, high = self.model.velocity_bounds(position)
        share = self.config.velocity_fraction
        brake_up = self._braking_velocity(self._upper - position)
        brake_down = self._braking_velocity(position - self._lower)
        return np.maximum(share * low, -brake_down), np.minimum(share * high, brake_up)

    def _braking_velocity(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Highest velocity of the next period from which the joint stops within ``distance`` [rad/s]."""
        return braking_velocity(distance, self._braking, self.control_period_s)


def braking_velocity(
    distance: NDArray[np.float64], deceleration: NDArray[np.float64], period_s: float
) -> NDArray[np.float64]:
    """
    Give the highest velocity from which a joint stops within a distance, when it can change once per period.

    Stopping in n periods, each slower by aT than the one before, takes d = n v T − a T² n (n − 1)/2. The smallest
    n with n (n + 1)/2 ≥ d / (a T²) is the one that ends at rest, and v = d/(n T) + a T (n − 1)/2. A negative
    distance (the joint is outside) gives the velocity that leads back in one period.

    :param distance: (..., 7) [rad].
    :param deceleration: a, (7,) [rad/s²].
    :param period_s: T [s].
    :returns: (..., 7) [rad/s].
    """
    step = deceleration * period_s**2
    ratio = np.maximum(distance, 0.0) / step
    periods = np.maximum(np.ceil(0.5 * (np.sqrt(1.0 + 8.0 * ratio) - 1.0)), 1.0)
    return distance / (periods * period_s) + 0.5 * deceleration * period_s * (periods - 1.0)
