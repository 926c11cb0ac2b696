# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The motion by which Franka's joint follower approaches its first target."""

from __future__ import annotations

import numpy as np

from franka_rl_core.robot_model import Array

# Source: frankarobotics/franka_ros2, MotionGenerator (motion_generator.hpp and .cpp).
VELOCITY = np.array([2.0, 2.0, 2.0, 2.0, 2.5, 2.5, 2.5])  # [rad/s]
ACCELERATION = np.full(7, 5.0)  # [rad/s2]
FINISHED = 1e-6  # [rad]


class SyncMotion:
    """
    All joints leave together, arrive together, and rise to and fall from a constant velocity.

    The velocity rises as v (3 - 2 t/T) (t/T)^2 for a time T = 1.5 v/a, and falls likewise.

    :param start: (7,) [rad].
    :param goal: (7,) [rad].
    :param speed_factor: share of the velocities and accelerations above.
    """

    def __init__(self, start: Array, goal: Array, speed_factor: float) -> None:
        self._start, self._goal = np.array(start), np.array(goal)
        self._distance = np.abs(self._goal - self._start)
        self._moves = ~(self._distance < FINISHED)  # a NaN moves, and is passed on
        a, top = speed_factor * ACCELERATION, speed_factor * VELOCITY
        d = np.where(self._moves, self._distance, 1.0)
        reached = np.minimum(top, np.sqrt(2.0 / 3.0 * d * a))
        slowest = np.where(self._moves, 1.5 * reached / a + d / reached, 0.0).max()
        # The velocity v at which every joint takes as long: 1.5 v/a + d/v = slowest.
        root = np.sqrt(np.maximum(0.0, (slowest * a) ** 2 - 6.0 * d * a))
        self._speed = np.where(self._moves, (slowest * a - root) / 3.0, 1.0)
        self._rise = 1.5 * self._speed / a
        self._end = self._rise + d / self._speed

    def at(self, time: float) -> tuple[Array, bool]:
        """Give the position (7,) [rad] at a time since the start [s], and whether it is over."""
        done = ~self._moves | ~(time < self._end)
        way = np.where(done, self._distance, self._way(time))
        position = self._start + np.copysign(way, self._goal - self._start)
        return np.where(done & self._moves, self._goal, position), bool(done.all())

    def _way(self, time: float) -> Array:
        """Give the way (7,) covered by joints on the move [rad]."""
        first = self._ramp(np.minimum(time, self._rise))
        last = self._ramp(np.minimum(self._end - time, self._rise))
        middle = self._speed * (time - 0.5 * self._rise)
        falling = self._distance - last
        moving = np.where(time < self._rise, first, middle)
        way: Array = np.where(time < self._end - self._rise, moving, falling)
        return way

    def _ramp(self, time: Array) -> Array:
        """Give the way covered since, or to be covered until, a rest [rad]."""
        way: Array = self._speed * time**3 * (self._rise - 0.5 * time) / self._rise**3
        return way
