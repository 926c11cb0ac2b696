# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A robot driver for tests: it publishes what a test wants and keeps what it is sent."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest


class FakeRobot:
    """Publishes joint states at 100 Hz and records commands and targets."""

    def __init__(self, context: Any) -> None:
        from rclpy.node import Node
        from sensor_msgs.msg import JointState

        from franka_rl_core.robot_model import load_robot
        from franka_rl_core.tasks.reach import START
        from franka_rl_interfaces.msg import GuardStatus, JointTarget
        from franka_rl_nodes import qos
        from franka_rl_nodes.runtime import BackgroundNode

        self.model = load_robot('panda')
        self.position = np.array(START)
        self.publishing = True
        self.stamp_offset_ns = 0
        self.frozen_stamp = 0
        self.commands: list[np.ndarray] = []
        self.targets: list[Any] = []
        self.stamps: set[int] = set()
        self.status = GuardStatus()
        self.ros = BackgroundNode(Node('robot', context=context))
        node = self.ros.node
        self._states = node.create_publisher(JointState, 'franka/joint_states', qos.SENSOR)
        self.propose = node.create_publisher(JointTarget, 'joint_target', qos.COMMAND)
        node.create_subscription(JointState, 'joint_command', self._on_command, qos.COMMAND)
        self._kind, self._listening, self._qos = JointTarget, None, qos.COMMAND
        self.listen(True)
        node.create_subscription(GuardStatus, 'guard/status', self._on_status, qos.LATCHED)
        node.create_timer(0.01, self._publish)

    def now(self) -> int:
        """Give the stamp of a message that is published now [ns]."""
        return self.ros.node.get_clock().now().nanoseconds + self.stamp_offset_ns

    def listen(self, wanted: bool) -> None:
        """Record targets, as a guard would, or leave them unheard."""
        node = self.ros.node
        if self._listening:
            node.destroy_subscription(self._listening)
        arguments = (self._kind, 'joint_target', self.targets.append, self._qos)
        self._listening = node.create_subscription(*arguments) if wanted else None

    def send_target(
        self, position: Any, sequence: int, names: Any = None, period: float = 0.04
    ) -> None:
        """Publish a joint target."""
        from franka_rl_interfaces.msg import JointTarget
        from franka_rl_nodes.conversions import stamp_to_msg, to_field

        message = JointTarget(
            sequence=sequence,
            joint_names=list(names or self.model.joint_names),
            position=to_field(position, 'float64'),
            period=period,
        )
        message.header.stamp = stamp_to_msg(self.now())
        self.propose.publish(message)

    def _publish(self) -> None:
        from franka_rl_nodes.conversions import joint_state_to_msg

        if self.publishing:
            stamp = self.frozen_stamp or self.now()
            self.stamps.add(stamp)
            names = self.model.joint_names
            self._states.publish(joint_state_to_msg(names, self.position, np.zeros(7), stamp))

    def _on_command(self, message: Any) -> None:
        self.commands.append(np.array(message.position))

    def _on_status(self, message: Any) -> None:
        self.status = message


@pytest.fixture
def robot(context: Any) -> Iterator[FakeRobot]:
    """Run a robot driver in the context of the test."""
    driver = FakeRobot(context)
    yield driver
    driver.ros.close()


@pytest.fixture
def spin(context: Any) -> Iterator[Any]:
    """Give a function that makes a node with parameters and spins it until the test ends."""
    from rclpy.parameter import Parameter

    from franka_rl_nodes.runtime import BackgroundNode

    running = []

    def start(kind: Any, **parameters: Any) -> Any:
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        running.append(BackgroundNode(kind(context=context, parameter_overrides=overrides)))
        return running[-1].node

    yield start
    for background in running:
        background.close()


@pytest.fixture
def sleep() -> Any:
    """Give a sleep that no executor depends on."""
    return lambda seconds: threading.Event().wait(seconds) or time.monotonic()
