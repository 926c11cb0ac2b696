# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the robot says of itself, from the 1 kHz state of Franka's drivers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from franka_rl_interfaces.msg import RobotStatus
from franka_rl_nodes import qos
from franka_rl_nodes.polling import PolledSubscription

#: An error in the place of Franka's: the driver does not publish the robot's state any more.
SILENT = 'robot_state_silent'
# The state has 28 parts and comes 1,000 times a second: only so many are read [s].
_PERIOD_S = 0.05
# Looks without a new state until the driver is silent. Counted, not timed: a guard that was kept
# from looking finds a new state at its first look.
_LOOKS = 10
# Without a change, a status is given so often: every n-th look.
_REPEAT = 20


class RobotStateWatch:
    """
    Turns Franka's state messages into statuses, and silence into one too.

    After an error of the robot, ros2_control stops the broadcaster in the cycle in which the driver
    has seen it: what then says that the arm has stopped is that nobody says anything. Before the
    first message, silence means that no broadcaster runs, and is no error.

    Publishes ``robot_status``.

    :param node: the node.
    :param kind: ``FrankaRobotState``, or a message with the same modes and errors.
    :param topic: its topic.
    :param report: called, in the node's executor, at every change and once a second.
    """

    def __init__(
        self, node: Node, kind: Any, topic: str, report: Callable[[RobotStatus], None]
    ) -> None:
        self._node = node
        self._report = report
        self._states = PolledSubscription(node, kind, topic, qos.SENSOR)
        self._publisher = node.create_publisher(RobotStatus, 'robot_status', qos.LATCHED)
        self._last: RobotStatus | None = None
        self._empty = self._unsaid = 0  # looks
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(_PERIOD_S, self._look, clock=steady)

    def _look(self) -> None:
        state = self._states.newest()
        if state is not None:
            self._empty = 0
            self._say(status_from_state(state))
        elif self._last is not None:
            self._empty += 1
            if self._empty >= _LOOKS:
                self._say(self._silence())

    def _silence(self) -> RobotStatus:
        status = RobotStatus(errors=[SILENT], control_command_success_rate=math.nan)
        status.header.stamp = self._node.get_clock().now().to_msg()
        return status

    def _say(self, status: RobotStatus) -> None:
        self._unsaid += 1
        if _essence(status) == _essence(self._last) and self._unsaid < _REPEAT:
            return
        self._last, self._unsaid = status, 0
        self._publisher.publish(status)
        self._report(status)


def status_from_state(state: Any) -> RobotStatus:
    """Read mode and errors of a ``FrankaRobotState``, or of multipanda's ``FrankaState``."""
    status = RobotStatus(
        mode=state.robot_mode,
        errors=_names(state.current_errors),
        last_motion_errors=_names(state.last_motion_errors),
        control_command_success_rate=state.control_command_success_rate,
    )
    status.header.stamp = state.header.stamp
    return status


def _names(errors: Any) -> list[str]:
    # By the fields that are there: their number differs between versions.
    return [name for name in errors.get_fields_and_field_types() if getattr(errors, name)]


def _essence(status: RobotStatus | None) -> Any:
    return status and (status.mode, status.errors, status.last_motion_errors)
