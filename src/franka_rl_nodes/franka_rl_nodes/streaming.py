# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The streaming face of the simulator: topics in real time, as a robot driver shows them."""

from __future__ import annotations

import time

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMsg
from sensor_msgs.msg import JointState

from franka_rl_core.backends.base import Backend
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.state import RobotState, as_numpy
from franka_rl_interfaces.srv import ResetWorlds
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import (
    from_field,
    joint_position_from_msg,
    joint_state_to_msg,
    stamp_to_msg,
    state_to_fields,
)
from franka_rl_nodes.polling import PolledSubscription


class Streaming:
    """
    Steps one arm in real time towards the newest command.

    Publishes ``franka/joint_states`` and ``/clock``, subscribes ``joint_command``, serves
    ``~/reset_worlds``. Stamps are the system's time, so ``/clock`` is it too.

    :param node: the node.
    :param backend: one world whose control period is that of the stream.
    :param command_timeout_s: without a command for so long the arm stays where it is [s].
    """

    def __init__(self, node: Node, backend: Backend, command_timeout_s: float) -> None:
        self._node = node
        self._backend = backend
        self._timeout = command_timeout_s
        self._state: RobotState = as_numpy(backend.reset(backend.model.home[None]), backend.arrays)
        self._command: np.ndarray | None = None
        self._received = -np.inf
        self.steps = 0
        self._joint_states = node.create_publisher(JointState, 'franka/joint_states', qos.SENSOR)
        self._clock = node.create_publisher(ClockMsg, '/clock', qos.SENSOR)
        self._commands = PolledSubscription(node, JointState, 'joint_command', qos.COMMAND)
        node.create_service(ResetWorlds, '~/reset_worlds', self._on_reset)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(backend.control_period_s, self._on_tick, clock=steady)

    def _on_tick(self) -> None:
        if (message := self._commands.newest()) is not None:
            self._on_command(message)
        if time.monotonic() - self._received > self._timeout:
            self._command = None
        if self._command is None:
            # Where it is now, once: a target that follows the measured position would sink.
            self._command = self._state.joint_position[0].copy()
            self._received = np.inf
        self._state = as_numpy(self._backend.step(self._command[None]), self._backend.arrays)
        self.steps += 1
        self._publish()

    def _publish(self) -> None:
        now = self._node.get_clock().now().nanoseconds
        position, velocity = self._state.joint_position[0], self._state.joint_velocity[0]
        names = self._backend.model.joint_names
        # The joint state first: a policy waits for it.
        self._joint_states.publish(joint_state_to_msg(names, position, velocity, now))
        self._clock.publish(ClockMsg(clock=stamp_to_msg(now)))

    def _on_command(self, message: JointState) -> None:
        try:
            command = joint_position_from_msg(message, self._backend.model)
        except RefusedError as error:
            self._node.get_logger().error(f'command refused: {error}', throttle_duration_sec=1.0)
            return
        if np.isfinite(command).all():
            self._command, self._received = command, time.monotonic()
        else:
            self._node.get_logger().error('command is not finite', throttle_duration_sec=1.0)

    def _on_reset(
        self, request: ResetWorlds.Request, response: ResetWorlds.Response
    ) -> ResetWorlds.Response:
        if len(request.joint_position) != 7 or not np.isfinite(request.joint_position).all():
            response.error = f'joint_position must hold 7 numbers, not {request.joint_position}'
            return response
        self._commands.newest()  # one that is still waiting was for the arm where it was
        state = self._backend.reset(from_field(request.joint_position, 'float64', 1, 7))
        self._state = as_numpy(state, self._backend.arrays)
        self._command = None
        state_to_fields(self._state, response)
        return response
