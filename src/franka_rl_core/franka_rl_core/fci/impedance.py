# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka's internal joint impedance: follows a reference, brakes, and holds the arm."""

from __future__ import annotations

import numpy as np

from franka_rl_core.fci.motion_check import DT
from franka_rl_core.robot_model import Array, RobotModel

# Source: frankarobotics/libfranka, examples/examples_common.cpp, setDefaultBehavior().
STIFFNESS = np.array([3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0])  # [Nm/rad]
# Assumed: Franka does not publish it. Near the critical damping of each joint in 'ready'.
DAMPING = np.array([120.0, 120.0, 100.0, 80.0, 40.0, 35.0, 30.0])  # [Nm s/rad]


class InternalImpedance:
    """
    A stiff spring and damper to a reference, with no more torque than the joints have.

    :param model: the arm.
    """

    def __init__(self, model: RobotModel) -> None:
        self._most = model.effort
        self._slowing = model.acceleration * DT  # per millisecond [rad/s]
        self._resting = True
        #: the reference [rad, rad/s]; written in place
        self.position: Array = np.zeros(len(model.upper))
        self.velocity: Array = np.zeros(len(model.upper))

    def settle(self, position: Array, velocity: Array) -> None:
        """Begin to brake from a state of the arm [rad, rad/s]."""
        self.position[:] = position
        self.velocity[:] = velocity
        self._resting = False

    def brake(self, position: Array) -> None:
        """
        Let one millisecond pass: slow down at the arm's acceleration limits, then hold.

        :param position: where the arm is (n,) [rad]; held from the moment the reference rests, so
            that the arm does not go on to lean against what stopped it.
        """
        if self._resting:
            return
        self.velocity -= np.clip(self.velocity, -self._slowing, self._slowing)
        self.position += self.velocity * DT
        if not self.velocity.any():
            self.position[:] = position
            self._resting = True

    def torque(self, position: Array, velocity: Array) -> Array:
        """Give the torque (n,) [Nm] for an arm at a state [rad, rad/s]."""
        pull = STIFFNESS * (self.position - position) + DAMPING * (self.velocity - velocity)
        return np.minimum(np.maximum(pull, -self._most), self._most)
