# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The velocities that the joints may have next, and where they stop."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Proposal, SafetyConfig
from franka_rl_core.safety.joint_range import allowed_range
from franka_rl_core.state import ArmState

Array = NDArray[np.float64]

# Braking before a position limit plans with this share of the allowed deceleration; the rest
# absorbs tracking error.
BRAKING_SHARE = 0.8


class Envelope:
    """
    What the joints may do in the next control period so that they can go on to obey their limits.

    The velocity of the next period is clipped

    1. to the velocity limits, and to what lets the joint stop before each end of its range,
       see :func:`braking_velocity`;
    2. where the velocity limit falls towards a position limit (FR3), to what obeys it at the end
       of the period as well, see :func:`approach_velocity`;
    3. to the acceleration limit, q̇ ± aT. It comes last: a sudden move is worse than a limit that
       is crossed slowly.

    Before that, all joints are slowed down alike as far as one of them needs it, so that the arm
    keeps its direction; clipping alone would tilt a tool that is to be held upright. Held arms
    brake with each joint as hard as it may.

    An arm that executes its commands exactly and starts at rest in its range crosses none of
    them: whatever velocity 1 and 2 allow, they allow one that is lower by aT a period later.
    """

    def __init__(self, model: RobotModel, config: SafetyConfig, control_period_s: float) -> None:
        self._period = control_period_s
        self._share = config.velocity_fraction
        self._fastest = config.velocity_fraction * model.velocity
        lower, upper = allowed_range(model, config)
        self._ends, self._signs = np.array([[-lower], [upper]]), np.array([[[1.0]], [[-1.0]]])
        self._margin = config.joint_margin
        acceleration = config.acceleration_fraction * model.acceleration
        self._change = acceleration * control_period_s  # of velocity in one period [rad/s]
        self._braking = BRAKING_SHARE * acceleration
        self._offset = model.velocity_offset
        if model.deceleration is not None:
            # The limit may fall faster than the joint may brake.
            self._falling = np.minimum(model.deceleration, self._braking / self._share**2)

    def bounds(self, position: Array) -> tuple[Array, Array]:
        """Give the lowest and the highest velocity by 1 and 2: (N, 7), (N, 7) [rad/s]."""
        distance = self._ends + self._signs * position  # to the lower end, to the upper end
        speed = braking_velocity(distance, self._braking, self._period)
        speed = np.minimum(np.maximum(speed, -self._fastest), self._fastest)
        if self._offset is not None:
            to_end = distance + self._margin
            falling = (self._offset, self._falling, self._share, self._period)
            speed = np.minimum(speed, approach_velocity(to_end, *falling))
        return -speed[0], speed[1]

    def velocity(self, proposal: Proposal, arm: ArmState) -> Array:
        """Give the allowed velocity that leads towards the target: (N, 7) [rad/s]."""
        if proposal.velocity is None:
            asked = (proposal.target - arm.joint_position) / self._period
            bounds = (proposal.low, proposal.high, arm.joint_velocity)
            in_line = np.where(proposal.held[:, None], asked, self._in_line(asked, *bounds))
            proposal.velocity = self.nearest(in_line, *bounds)
        return proposal.velocity

    def nearest(self, asked: Array, low: Array, high: Array, speed: Array) -> Array:
        """
        Clip a velocity to 1, 2 and 3: (N, 7) [rad/s].

        :param low: lowest velocity by 1 and 2, see :meth:`bounds`.
        :param high: the highest.
        :param speed: measured velocity.
        """
        velocity = np.minimum(np.maximum(asked, low), high)
        return np.minimum(np.maximum(velocity, speed - self._change), speed + self._change)

    def _in_line(self, asked: Array, low: Array, high: Array, speed: Array) -> Array:
        """Slow down all joints alike; a velocity that is allowed keeps its bits."""
        asked = asked / np.maximum((np.abs(asked) / self._fastest).max(axis=1, keepdims=True), 1.0)
        change = np.minimum(np.maximum(asked, low), high) - speed
        excess = np.maximum((np.abs(change) / self._change).max(axis=1, keepdims=True), 1.0)
        return np.where(excess > 1.0, speed + change / excess, asked)

    def braking_path(self, velocity: Array, position: Array) -> Array:
        """
        Give the way of an arm that brakes after a period at this velocity.

        :returns: (3 N, 7) [rad]: first the N ends of the period, then the places halfway through
            the braking, then the stops.
        """
        end = position + velocity * self._period
        way = stopping_distance(velocity, self._change, self._period)
        time = np.maximum(np.abs(velocity) / self._change, 1e-9)
        left = np.maximum(1.0 - 0.5 * time.max(axis=1, keepdims=True) / time, 0.0)
        return np.concatenate([end, end + way * (1.0 - left * left), end + way])

    def stopping_time(self, velocity: Array) -> Array:
        """Give how much further a joint stops per velocity that it is faster: (N, 7) [s]."""
        return self._period * (1.0 + np.floor(np.abs(velocity) / self._change))


def braking_velocity(distance: Array, deceleration: Array, period_s: float) -> Array:
    """
    Give the highest velocity from which a joint stops within a distance.

    The velocity can change once per period T. Stopping in n periods, each slower by aT than the
    one before, takes d = n v T - a T² n (n - 1)/2. The smallest n with n (n + 1)/2 >= d / (a T²)
    is the one that ends at rest, and v = d/(n T) + a T (n - 1)/2. A negative distance (the joint
    is outside) gives the velocity that leads back in one period.

    :param distance: (..., 7) [rad].
    :param deceleration: a, (7,) [rad/s²].
    :param period_s: T [s].
    :returns: (..., 7) [rad/s].
    """
    ratio = np.maximum(distance, 0.0) / (deceleration * period_s**2)
    periods = np.maximum(np.ceil(0.5 * (np.sqrt(1.0 + 8.0 * ratio) - 1.0)), 1.0)
    return distance / (periods * period_s) + 0.5 * deceleration * period_s * (periods - 1.0)


def approach_velocity(
    distance: Array, offset: Array, deceleration: Array, share: float, period_s: float
) -> Array:
    """
    Give the highest velocity that obeys the FR3's falling velocity limit at the end of a period.

    With the distance s to where the limit is zero, the limit is √(o² + 2 d s) - o, see
    ``RobotModel.velocity_bounds``. It holds a period T later for a share f of it if
    v = f (√(o² + 2 d (s - v T)) - o), which is v = f (√(b² + 2 d s) - b) with b = o + d f T. To
    stay on this curve costs a deceleration of at most d f².

    :param distance: s, (..., 7) [rad].
    :param offset: o, (7,) [rad/s].
    :param deceleration: d, (7,) [rad/s²].
    :param share: f.
    :param period_s: T [s].
    :returns: (..., 7) [rad/s], at least 0.
    """
    b = offset + deceleration * (share * period_s)
    root = np.sqrt(np.maximum(b**2 + 2.0 * deceleration * distance, 0.0))
    return share * np.maximum(root - b, 0.0)


def stopping_distance(velocity: Array, change: Array, period_s: float) -> Array:
    """
    Give how far a joint goes on while it brakes, slower by the same change in every period.

    The velocities are |v| - c, |v| - 2c, … |v| - nc with the largest n for which that is no
    reversal.

    :param velocity: v, of the period before (..., 7) [rad/s].
    :param change: c, (7,) [rad/s].
    :param period_s: length of a period [s].
    :returns: (..., 7) with the sign of the velocity [rad].
    """
    periods = np.floor(np.abs(velocity) / change)
    lost = np.copysign(0.5 * change * (periods + 1.0), velocity)
    return period_s * periods * (velocity - lost)
