# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The gripper node against a fake gripper, with Franka's messages where they are installed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.action import ActionServer
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import Float64

from franka_rl_core.exceptions import MissingDependencyError, RefusedError
from franka_rl_core.gripper import Grip
from franka_rl_interfaces.action import MoveJoints
from franka_rl_nodes import gripper_node, qos
from franka_rl_nodes.gripper_node import Command, GripperConfig, GripperNode, gripper_commands
from franka_rl_nodes.runtime import BackgroundNode

pytestmark = pytest.mark.real_time

NO_MESSAGES = 'comes with the driver of the robot, and is in no package index'


def any_action(config: GripperConfig) -> Any:
    """Make commands of an action that is always there."""
    widths = {Grip.OPEN: config.open_width, Grip.CLOSED: config.closed_width}
    return {
        grip: Command(MoveJoints, config.gripper_action, MoveJoints.Goal(joint_position=[width]))
        for grip, width in widths.items()
    }


class FakeGripper:
    """Keeps the goals it gets, and ends each when it is told to."""

    def __init__(self, context: Any, kind: Any = MoveJoints, name: str = 'gripper_action') -> None:
        self.goals: list[Any] = []
        self.succeeds = True
        self.may_end = threading.Event()
        self.may_end.set()
        node = Node('hand', context=context)
        self._kind = kind
        self._server = ActionServer(
            node,
            kind,
            f'franka_gripper/{name}',
            self._run,
            callback_group=ReentrantCallbackGroup(),
        )
        self._ros = BackgroundNode(node)

    def _run(self, handle: Any) -> Any:
        self.goals.append(handle.request)
        self.may_end.wait(20.0)
        if self.succeeds:
            handle.succeed()
        else:
            handle.abort()
        return self._kind.Result()

    def close(self) -> None:
        self.may_end.set()
        self._ros.close()


class Hand:
    """The gripper node, what a policy publishes, and what diagnostics say."""

    def __init__(self, context: Any) -> None:
        self._context = context
        self.user = BackgroundNode(Node('policy', context=context))
        self._widths = self.user.node.create_publisher(Float64, 'gripper_width', qos.COMMAND)
        self.said: list[Any] = []
        self.user.node.create_subscription(DiagnosticArray, '/diagnostics', self._on_report, 10)
        self._running = [self.user]

    def start(self, commands: Any = any_action, **parameters: Any) -> GripperNode:
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        node = GripperNode(commands, context=self._context, parameter_overrides=overrides)
        self._running.append(BackgroundNode(node))
        assert wait_until(lambda: self._widths.get_subscription_count() == 1)
        return node

    def gripper(self, *args: Any) -> FakeGripper:
        gripper = FakeGripper(self._context, *args)
        self._running.append(gripper)  # type: ignore[arg-type]
        return gripper

    def want(self, width: float) -> None:
        self._widths.publish(Float64(data=width))

    def _on_report(self, message: DiagnosticArray) -> None:
        status = message.status[0]
        values = {value.key: value.value for value in status.values}
        self.said.append((status.level, status.message, values))

    def end(self) -> None:
        for item in reversed(self._running):
            item.close()


@pytest.fixture
def hand(context: Any) -> Iterator[Hand]:
    running = Hand(context)
    yield running
    running.end()


def _widths(gripper: FakeGripper) -> list[float]:
    return [goal.joint_position[0] for goal in gripper.goals]


def test_a_stream_of_widths_is_one_command_per_change(hand: Hand, sleep: Any) -> None:
    gripper = hand.gripper()
    hand.start()
    for _ in range(20):
        hand.want(0.08)
        sleep(0.01)
    assert wait_until(lambda: _widths(gripper) == [0.078])
    for width in (0.04, float('nan'), 0.01, 0.04, 0.01):
        hand.want(width)
        sleep(0.02)
    assert wait_until(lambda: _widths(gripper) == [0.078, 0.0])
    sleep(0.3)
    assert len(gripper.goals) == 2


def test_the_newest_wish_waits_for_the_command_before_it(hand: Hand, sleep: Any) -> None:
    gripper = hand.gripper()
    gripper.may_end.clear()
    hand.start()
    hand.want(0.08)
    assert wait_until(lambda: len(gripper.goals) == 1)
    hand.want(0.0)
    sleep(0.3)
    assert len(gripper.goals) == 1
    gripper.may_end.set()
    assert wait_until(lambda: _widths(gripper) == [0.078, 0.0])


def test_it_waits_for_a_gripper_that_comes_late(hand: Hand) -> None:
    hand.start()
    hand.want(0.0)
    assert wait_until(lambda: bool(hand.said) and hand.said[-1][2]['wish'] == 'closed')
    level, text, values = hand.said[-1]
    assert (level, text, values['sent']) == (b'\x01', 'no gripper', '0')
    gripper = hand.gripper()
    assert wait_until(lambda: _widths(gripper) == [0.0])
    assert wait_until(lambda: hand.said[-1][:2] == (b'\x00', 'closed'))


def test_a_failed_command_is_not_repeated(hand: Hand, sleep: Any) -> None:
    gripper = hand.gripper()
    gripper.succeeds = False
    hand.start()
    hand.want(0.0)
    assert wait_until(lambda: bool(hand.said) and hand.said[-1][2]['failed'] == '1')
    hand.want(0.0)
    sleep(0.3)
    assert len(gripper.goals) == 1


def test_a_command_without_a_result_is_given_again(hand: Hand) -> None:
    gripper = hand.gripper()
    gripper.may_end.clear()
    node = hand.start(timeout=1.0)
    hand.want(0.0)
    assert wait_until(lambda: len(gripper.goals) == 1)
    assert wait_until(lambda: node._logic.sent == 2)
    gripper.may_end.set()  # the first one ends late
    assert wait_until(lambda: _widths(gripper) == [0.0, 0.0])
    ended = {'sent': '2', 'in_flight': 'none', 'failed': '0'}.items()
    assert wait_until(lambda: bool(hand.said) and ended <= hand.said[-1][2].items()), hand.said


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ('values', 'why'),
    [
        ({'interface': 'grip_command'}, 'unknown interface'),
        ({'open_width': 0.09}, '0.08 m, the opening of the hand'),
        ({'closed_width': 0.08}, 'closed_width = 0.08 m < open_width'),
        ({'robot': 'ur5'}, 'unknown robot'),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(values: Any, why: str) -> None:
    with pytest.raises(RefusedError, match=why):
        GripperConfig(**values).check()


def test_missing_messages_are_refused_with_their_package(monkeypatch: Any) -> None:
    def missing(module: str, name: str) -> Any:
        raise MissingDependencyError('control_msgs', 'sudo apt install ros-jazzy-control-msgs')

    monkeypatch.setattr(gripper_node, 'message', missing)
    with pytest.raises(MissingDependencyError, match='apt install ros-jazzy-control-msgs'):
        gripper_commands(GripperConfig())


# --- Franka's actions ----------------------------------------------------------------------------


def test_gripper_command_is_told_half_of_the_width(hand: Hand) -> None:
    actions = pytest.importorskip('control_msgs.action', reason=NO_MESSAGES)
    gripper = hand.gripper(actions.GripperCommand)
    hand.start(gripper_commands, force=30.0)
    hand.want(0.08)
    assert wait_until(lambda: len(gripper.goals) == 1)
    command = gripper.goals[0].command
    assert (command.position, command.max_effort) == (0.039, 30.0)


def test_franka_is_told_widths_and_grasps_whatever_is_there(hand: Hand) -> None:
    actions = pytest.importorskip('franka_msgs.action', reason=NO_MESSAGES)
    moving = hand.gripper(actions.Move, 'move')
    grasping = hand.gripper(actions.Grasp, 'grasp')
    hand.start(gripper_commands, interface='franka')
    hand.want(0.08)
    assert wait_until(lambda: len(moving.goals) == 1)
    assert (moving.goals[0].width, moving.goals[0].speed) == (0.078, 0.1)
    hand.want(0.0)
    assert wait_until(lambda: len(grasping.goals) == 1)
    goal = grasping.goals[0]
    assert (goal.width, goal.force, goal.epsilon.outer) == (0.0, 20.0, 0.078)
