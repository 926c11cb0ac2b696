# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``/diagnostics``: once a second, every node says how it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.qos import QoSProfile

OK, WARN, ERROR = DiagnosticStatus.OK, DiagnosticStatus.WARN, DiagnosticStatus.ERROR
Report = tuple[bytes, str, dict[str, Any]]  # level, message, values


class Diagnostics:
    """
    Publishes the report of a node once a second.

    :param node: the node.
    :param report: called for the level (:data:`OK`, :data:`WARN`, :data:`ERROR`), a message and
        values.
    """

    def __init__(self, node: Node, report: Callable[[], Report]) -> None:
        self._node = node
        self._report = report
        self._publisher = node.create_publisher(
            DiagnosticArray, '/diagnostics', QoSProfile(depth=10)
        )
        # A steady clock: the node is alive even when simulated time stands still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = node.create_timer(1.0, self.publish, clock=steady)

    def publish(self) -> None:
        """Publish the report now."""
        level, message, values = self._report()
        status = DiagnosticStatus(
            level=level,
            name=f'{self._node.get_name()}: state',
            message=message,
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
