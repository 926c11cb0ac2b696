# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The driver of the Panda: tenfoldpaper/multipanda_ros2 (Humble)."""

from __future__ import annotations

from typing import Any

from franka_rl_core.exceptions import RefusedError
from franka_rl_nodes.drivers.base import ask
from franka_rl_nodes.drivers.ros2_control_driver import Ros2ControlDriver
from franka_rl_nodes.drivers.ros_packages import message

_RECOVERY_S = 30.0
# Its answer when there is nothing to recover from, with success false
# (franka_hardware/src/franka_error_recovery_service_server.cpp).
_NOTHING_TO_DO = 'No errors'


class MultipandaDriver(Ros2ControlDriver):
    """Clears errors by a service; its files disagree on the name, hence a parameter."""

    robot = 'panda'

    STATE = 'FrankaState'

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kind = message('franka_msgs.srv', 'ErrorRecovery')
        self._recovery = self.client(self._kind, self.config.recovery_service)

    def clear_error(self) -> None:
        """See :meth:`Ros2ControlDriver.clear_error`."""
        answer = ask(self._recovery, self._kind.Request(), _RECOVERY_S)
        if not answer.success and answer.error != _NOTHING_TO_DO:
            raise RefusedError(f'the robot does not recover: {answer.error}')
