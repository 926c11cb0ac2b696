# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Watches the measured joint states: how old they are, and whether they can be true."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Reason
from franka_rl_core.state import RobotState

# A joint moves by no more than its velocity limit allows between two states, and by this much: an
# encoder's noise, and the stamps' [rad].
_JUMP_RAD = 0.02


class StateMonitor:
    """
    Keeps the newest joint state of one arm and says what is wrong with it.

    The stamps are of the driver's clock, which may differ from ours. The smallest delay that was
    ever seen between stamp and arrival counts as none: a state is as old as the time since its
    arrival, and as much as it arrived later than the fastest one.

    :param model: the arm.
    """

    def __init__(self, model: RobotModel) -> None:
        self._model = model
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.state: RobotState | None = None
        self.problem = Reason.NO_STATE
        self._offset = np.inf  # of arrivals [s], steady clock, to stamps [s]
        self._arrived = -np.inf  # when the newest state did [s], steady clock

    def observe(self, state: RobotState, now: float) -> None:
        """
        Take a joint state of one arm.

        :param now: when it arrived, on a steady clock [s]; not earlier, or all that come after it
            look old.
        """
        last, stamp = self.state, int(state.stamp_ns[0])
        if last is not None and stamp <= int(last.stamp_ns[0]):
            return  # a driver that repeats itself says nothing new, and its state grows old
        self._offset = min(self._offset, now - 1e-9 * stamp)
        self._arrived = now
        # A jump stays one until the guard is told to start anew.
        if self.problem is not Reason.STATE_JUMP or last is None:
            self.problem = self._judge(state, last)
        self.state = state

    def _judge(self, state: RobotState, last: RobotState | None) -> Reason:
        position, velocity = state.joint_position[0], state.joint_velocity[0]
        if not (np.isfinite(position).all() and np.isfinite(velocity).all()):
            return Reason.STATE_NOT_FINITE
        if last is None or not np.isfinite(last.joint_position).all():
            return Reason.NONE
        elapsed = 1e-9 * (int(state.stamp_ns[0]) - int(last.stamp_ns[0]))
        most = self._model.velocity * elapsed + _JUMP_RAD
        jumps = (np.abs(position - last.joint_position[0]) > most).any()
        return Reason.STATE_JUMP if jumps else Reason.NONE

    def trust(self) -> None:
        """Take the newest state for one that came without delay: clocks may have been set."""
        if self.state is not None:
            self._offset = self._arrived - 1e-9 * int(self.state.stamp_ns[0])

    def age(self, now: float) -> float:
        """Give the age of the newest state [s]; infinite without one."""
        if self.state is None:
            return np.inf
        return now - self.time_of(int(self.state.stamp_ns[0]))

    def time_of(self, stamp_ns: int) -> float:
        """Bring a stamp of the driver's clock to the steady clock [s]."""
        return 1e-9 * stamp_ns + self._offset

    @property
    def position(self) -> NDArray[np.float64] | None:
        """(7,) of the newest state [rad]."""
        return None if self.state is None else self.state.joint_position[0]
