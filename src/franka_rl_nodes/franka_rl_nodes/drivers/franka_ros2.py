# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka's own driver: franka_ros2 from v3.3 (Jazzy) or v2.4 (Humble)."""

from __future__ import annotations

from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient

from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_nodes.drivers.ros2_control_driver import Ros2ControlDriver
from franka_rl_nodes.drivers.ros_packages import message
from franka_rl_nodes.runtime import result_of

_DISCOVERY_S = 2.0
_ACCEPT_S = 5.0
# The robot opens its brakes if they are closed [s].
_RECOVERY_S = 30.0


class FrankaRos2Driver(Ros2ControlDriver):
    """Clears errors by the action ``action_server/error_recovery``."""

    robot = 'fr3'

    STATE = 'FrankaRobotState'

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._kind = message('franka_msgs.action', 'ErrorRecovery')
        # The driver makes a namespace of the prefix, without its last underscore
        # (franka_hardware/src/franka_action_server.cpp).
        prefix = self.config.arm_prefix.removesuffix('_')
        default = '/'.join(filter(None, (prefix, 'action_server/error_recovery')))
        # Actions are resolved as services are.
        self._action = self.node.resolve_service_name(self.config.recovery_action or default)
        self._recovery = ActionClient(self.node, self._kind, self._action)

    def clear_error(self) -> None:
        """See :meth:`Ros2ControlDriver.clear_error`."""
        if not self._recovery.wait_for_server(timeout_sec=_DISCOVERY_S):
            raise BackendLostError(f'there is no action {self._action}: does the driver run?')
        context = self.node.context
        sent = self._recovery.send_goal_async(self._kind.Goal())
        handle = result_of(sent, _ACCEPT_S, self._action, context)
        if not handle.accepted:
            raise RefusedError(f'{self._action} did not accept the goal')
        done = result_of(handle.get_result_async(), _RECOVERY_S, self._action, context)
        if done.status != GoalStatus.STATUS_SUCCEEDED:
            raise RefusedError(
                f'{self._action} failed: the robot stays in its error; is its user stop pressed? '
                'The log of the driver says more'
            )
