# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The gripper: a stream of wanted widths becomes a few commands of Franka's gripper node."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_msgs.msg import Float64

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.gripper import Grip, GripperLogic, GripperThresholds
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.settings import setting
from franka_rl_nodes import qos
from franka_rl_nodes.diagnostics import OK, WARN, Diagnostics, Report
from franka_rl_nodes.drivers.ros_packages import message
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.runtime import leave, serve

INTERFACES = ('gripper_command', 'franka')
# How often a wish is compared with what the gripper does [s].
_TICK_S = 0.05


@dataclass(frozen=True)
class GripperConfig(GripperThresholds):
    """Parameters of the gripper node."""

    robot: str = setting('fr3', 'robot whose hand it is', choices=available_robots)
    interface: str = setting(
        'gripper_command',
        'actions of the gripper: control_msgs/GripperCommand, or franka_msgs/Move and Grasp',
        choices=lambda: INTERFACES,
    )
    gripper_action: str = setting(
        'franka_gripper/gripper_action', 'name of the action GripperCommand'
    )
    move_action: str = setting('franka_gripper/move', 'name of the action Move')
    grasp_action: str = setting('franka_gripper/grasp', 'name of the action Grasp')
    open_width: float = setting(
        # A little less than the hand's 0.08: what is more than the homing has found is aborted.
        0.078,
        'opening of both fingers when open',
        unit='m',
        low=0.0,
        high=0.1,
    )
    closed_width: float = setting(
        0.0, 'opening of both fingers that closing aims at', unit='m', low=0.0, high=0.1
    )
    speed: float = setting(0.1, 'speed of the opening (franka)', unit='m/s', low=0.001, high=0.2)
    force: float = setting(20.0, 'holding force', unit='N', low=0.0, high=70.0)
    timeout: float = setting(
        10.0, 'a command without a result for so long is lost', unit='s', low=1.0, high=60.0
    )

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: robot or interface is unknown, or widths contradict each other.
        """
        if self.interface not in INTERFACES:
            raise UnknownNameError('interface', self.interface, INTERFACES)
        reach = 2.0 * float(load_robot(self.robot).finger_range[1])
        if not self.closed_width < self.open_width <= reach:
            raise RefusedError(
                f'closed_width = {self.closed_width} m < open_width = {self.open_width} m '
                f'<= {reach:g} m, the opening of the hand, must hold'
            )


CONFIG = GripperConfig


@dataclass(frozen=True)
class Command:
    """
    What the gripper is told.

    :param kind: type of the action.
    :param action: its name.
    :param goal: what is sent.
    """

    kind: Any
    action: str
    goal: Any


Commands = Mapping[Grip, Command]


def gripper_commands(config: GripperConfig) -> Commands:
    """
    Make the commands of the configured interface.

    :raises MissingDependencyError: its messages are not installed; names the apt package.
    """
    make = _gripper_command if config.interface == 'gripper_command' else _franka
    return make(config)


def _gripper_command(config: GripperConfig) -> Commands:
    kind = message('control_msgs.action', 'GripperCommand')

    def command(width: float) -> Command:
        goal = kind.Goal()
        # Per finger, although its feedback is the width
        # (frankarobotics/franka_ros2, franka_gripper/src/gripper_action_server.cpp).
        goal.command.position = 0.5 * width
        goal.command.max_effort = config.force
        return Command(kind, config.gripper_action, goal)

    return {Grip.OPEN: command(config.open_width), Grip.CLOSED: command(config.closed_width)}


def _franka(config: GripperConfig) -> Commands:
    move = message('franka_msgs.action', 'Move')
    grasp = message('franka_msgs.action', 'Grasp')
    opening = move.Goal(width=config.open_width, speed=config.speed)
    closing = grasp.Goal(width=config.closed_width, speed=config.speed, force=config.force)
    # Whatever is between the fingers is what was to be grasped.
    closing.epsilon.inner = closing.epsilon.outer = config.open_width
    return {
        Grip.OPEN: Command(move, config.move_action, opening),
        Grip.CLOSED: Command(grasp, config.grasp_action, closing),
    }


class GripperNode(Node):
    """
    Opens and closes the gripper.

    Subscribes ``gripper_width`` (``std_msgs/Float64``, opening of both fingers [m]). Without a
    gripper it keeps the newest wish, and tries on.

    :param commands: makes the commands; by default those of the parameter ``interface``.
    """

    def __init__(
        self, commands: Callable[[GripperConfig], Commands] = gripper_commands, **kwargs: Any
    ) -> None:
        super().__init__('gripper', **kwargs)
        self._config = declare(self, GripperConfig)
        self._config.check()
        self._logic = GripperLogic(self._config)
        self._commands = commands(self._config)
        self._actions = {
            command.action: ActionClient(self, command.kind, command.action)
            for command in self._commands.values()
        }
        self._since = 0.0  # [s], steady clock: when the command was sent
        self._ready: bool | None = None
        self.create_subscription(Float64, 'gripper_width', self._on_width, qos.COMMAND)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(_TICK_S, self._on_tick, clock=steady)
        self._diagnostics = Diagnostics(self, self._report)

    def destroy_node(self) -> None:
        """Destroy the action clients first."""
        for client in self._actions.values():
            client.destroy()
        super().destroy_node()

    def _on_width(self, message: Float64) -> None:
        self._logic.want(message.data)

    def _on_tick(self) -> None:
        self._look_for_gripper()
        logic = self._logic
        if logic.in_flight and time.monotonic() - self._since > self._config.timeout:
            self.get_logger().error(f'no result after {self._config.timeout:g} s')
            logic.lose()
        if logic.due and self._ready:
            self._send()

    def _look_for_gripper(self) -> None:
        ready = all(client.server_is_ready() for client in self._actions.values())
        if ready != self._ready:
            self._ready = ready
            names = ', '.join(self._actions)
            if ready:
                self.get_logger().info(f'the gripper is there: {names}')
            else:
                self.get_logger().warning(f'no gripper at {names}: waiting for it')

    def _send(self) -> None:
        grip = self._logic.begin()
        number, self._since = self._logic.sent, time.monotonic()
        command = self._commands[grip]
        sent = self._actions[command.action].send_goal_async(command.goal)
        sent.add_done_callback(lambda future: self._on_sent(future, number))

    def _on_sent(self, future: Future, number: int) -> None:
        handle = future.result()
        if handle is None or not handle.accepted:
            self._on_end(number, False)
        else:
            result = handle.get_result_async()
            result.add_done_callback(lambda done: self._on_end(number, _succeeded(done.result())))

    def _on_end(self, number: int, success: bool) -> None:
        # One that was given up may end late.
        if self._logic.in_flight is None or number != self._logic.sent:
            return
        if not success:
            self.get_logger().warning(f'the gripper does not say {self._logic.in_flight.value}')
        self._logic.end(success)

    def _report(self) -> Report:
        logic = self._logic
        values = {
            'wish': logic.wish.value if logic.wish else 'none',
            'in_flight': logic.in_flight.value if logic.in_flight else 'none',
            'sent': logic.sent,
            'failed': logic.failed,
            'refused': logic.refused,
        }
        if not self._ready:
            return WARN, 'no gripper', values
        return OK, logic.served.value if logic.served else 'waiting', values


def _succeeded(answer: Any) -> bool:
    return answer is not None and answer.status == GoalStatus.STATUS_SUCCEEDED


def main() -> None:
    """Run the node."""
    leave(serve(GripperNode))


if __name__ == '__main__':
    main()
