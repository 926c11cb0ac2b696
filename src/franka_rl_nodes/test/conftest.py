# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A robot driver for tests, which publishes what a test wants, and a watch of a running graph."""

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
        self.velocity = np.zeros(7)
        self.publishing = True
        self.stamp_offset_ns = 0
        self.frozen_stamp = 0
        self.commands: list[np.ndarray] = []
        self.targets: list[Any] = []
        self.stamps: set[int] = set()
        self.statuses = [GuardStatus()]
        self.ros = BackgroundNode(Node('robot', context=context))
        node = self.ros.node
        self._states = node.create_publisher(JointState, 'franka/joint_states', qos.SENSOR)
        self.propose = node.create_publisher(JointTarget, 'joint_target', qos.COMMAND)
        node.create_subscription(JointState, 'joint_command', self._on_command, qos.ALL)
        self._kind, self._listening, self._qos = JointTarget, None, qos.COMMAND
        self.listen(True)
        node.create_subscription(GuardStatus, 'guard/status', self.statuses.append, qos.LATCHED)
        node.create_timer(0.01, self._publish)

    def now(self) -> int:
        """Give the stamp of a message that is published now [ns]."""
        return self.ros.node.get_clock().now().nanoseconds + self.stamp_offset_ns

    def listen(self, wanted: bool) -> None:
        """Record targets, as a guard would, or leave them unheard."""
        node = self.ros.node
        if self._listening:
            self.ros.perform(node.destroy_subscription, self._listening)
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
            self._states.publish(joint_state_to_msg(names, self.position, self.velocity, stamp))

    def _on_command(self, message: Any) -> None:
        self.commands.append(np.array(message.position))

    @property
    def status(self) -> Any:
        """The newest status of the guard."""
        return self.statuses[-1]


class Watch:
    """
    Records what goes over the topics of a graph that runs in other processes, and asks its guard.

    It polls: an executor that wakes up for every message would take a core from the graph.

    :param context: of the test.
    :param robot: name of the robot.
    :param states: topic of the joint states.
    """

    def __init__(
        self, context: Any, robot: str = 'panda', states: str = 'franka/joint_states'
    ) -> None:
        from rclpy.node import Node
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
        from sensor_msgs.msg import JointState
        from std_msgs.msg import String

        from franka_rl_core.robot_model import load_robot
        from franka_rl_interfaces.msg import GuardStatus, RobotStatus, StepLatency
        from franka_rl_nodes import qos
        from franka_rl_nodes.guard_client import GuardClient
        from franka_rl_nodes.polling import PolledSubscription
        from franka_rl_nodes.runtime import BackgroundNode

        self.model = load_robot(robot)
        self.ros = BackgroundNode(Node('watch', context=context))
        self.guard = GuardClient(self.ros)
        self.commands: list[Any] = []  # JointState
        self.states: list[Any] = []  # JointState
        self.statuses: list[Any] = []  # GuardStatus
        self.robot: list[Any] = []  # RobotStatus
        self.follower: list[Any] = []  # String
        self.latencies: list[Any] = []  # StepLatency
        sensor = QoSProfile(depth=500, reliability=ReliabilityPolicy.BEST_EFFORT)
        latched = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        topics = (
            (self.commands, JointState, 'joint_command', qos.ALL),
            (self.states, JointState, states, sensor),
            (self.statuses, GuardStatus, 'guard/status', latched),
            (self.robot, RobotStatus, 'robot_status', latched),
            (self.follower, String, 'joint_follower_controller/state', latched),
            (self.latencies, StepLatency, 'guard/latency', qos.REPORT),
        )
        self._polled = [
            (record, PolledSubscription(self.ros.node, kind, topic, profile))
            for record, kind, topic, profile in topics
        ]
        self._actions: dict[str, Any] = {}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._poll, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop recording."""
        self._end.set()
        self._thread.join(5.0)
        self.ros.close()

    def _poll(self) -> None:
        while not self._end.wait(0.01):
            for record, subscription in self._polled:
                record.extend(subscription.messages())

    def ready(self, timeout: float = 30.0) -> None:
        """Wait for the arm and the guard."""
        deadline = time.monotonic() + timeout
        while not (self.statuses and self.states and self.robot and self.follower):
            assert time.monotonic() < deadline, 'arm and guard do not start'
            time.sleep(0.02)

    def arm(self, timeout: float = 40.0) -> None:
        """Arm the guard, as soon as DDS has found all that it needs, and lost what has died."""
        from franka_rl_core.exceptions import RefusedError

        deadline = time.monotonic() + timeout
        while True:
            try:
                return self.guard.arm(True)
            except RefusedError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.5)

    @property
    def status(self) -> Any:
        """The newest status of the guard."""
        return self.statuses[-1]

    @property
    def position(self) -> np.ndarray:
        """Where the arm is (7,) [rad]."""
        return np.array(self.states[-1].position[:7])

    @property
    def speed(self) -> float:
        """Largest speed of a joint [rad/s]."""
        return float(np.abs(self.states[-1].velocity).max())

    def rests(self, seconds: float = 0.3) -> bool:
        """Look whether the arm stays where it is, for so long."""
        before, count = self.position, len(self.states)
        threading.Event().wait(seconds)
        if len(self.states) == count:  # nobody knows
            return False
        return bool(self.speed < 0.02 and np.abs(self.position - before).max() < 2e-3)

    def begin(self, kind: Any, action: str, feedback: Any = None, **goal: Any) -> Any:
        """Have an action begin; gives its handle."""
        from rclpy.action import ActionClient

        if action not in self._actions:  # kept: a client must not go while the node is spun
            self._actions[action] = ActionClient(self.ros.node, kind, action)
        client = self._actions[action]
        assert client.wait_for_server(timeout_sec=20.0)
        handle = self.result(self.ask(client.send_goal_async, kind.Goal(**goal), feedback))
        assert handle.accepted
        return handle

    def ask(self, question: Any, *arguments: Any) -> Any:
        """
        Ask something of an action; gives the future of the answer.

        From the thread that spins: rclpy loses an answer that comes before it has noted the call.
        """
        return self.ros.perform(question, *arguments, timeout_s=20.0)

    def result(self, future: Any, timeout: float = 20.0) -> Any:
        """Wait for a future of the node."""
        from franka_rl_nodes.runtime import result_of

        return result_of(future, timeout, 'a node', self.ros.node.context)

    def outside_limits(self) -> list[str]:
        """Say which limits of the robot were broken by what was commanded, or by the arm."""
        found = []
        if messages := list(self.states):
            position, velocity = _joints(messages, 'position'), _joints(messages, 'velocity')
            found += self._out_of_range('measured', position)
            if (np.abs(velocity) > self.model.velocity).any():
                found.append('measured velocity')
        if messages := list(self.commands):
            stamps = np.array([stamp_of(message) for message in messages])
            position = _joints(messages, 'position')
            found += self._out_of_range('commanded', position) + self._too_much(stamps, position)
        return found

    def _out_of_range(self, what: str, position: np.ndarray) -> list[str]:
        inside = (position >= self.model.lower) & (position <= self.model.upper)
        return [] if inside.all() else [what + ' position']  # NaN too

    def _followed(self, stamps: np.ndarray) -> np.ndarray:
        """Tell which steps of the stream a controller follows: none while one is being started."""
        followed = np.ones(len(stamps) - 1, bool)
        statuses = list(self.statuses)
        for status, later in zip(statuses, statuses[1:], strict=False):
            if status.state in (status.ARMING, status.RECOVERING):
                begin, end = np.searchsorted(stamps[1:], (stamp_of(status), stamp_of(later)))
                followed[begin : end + 1] = False
        return followed

    def _too_much(self, stamps: np.ndarray, position: np.ndarray) -> list[str]:
        model, steps = self.model, np.diff(stamps) * 1e-9  # [s]
        followed = self._followed(stamps)
        highest = model.velocity * np.abs(steps)[:, None]
        fast = np.abs(np.diff(position, axis=0)) > highest
        found = ['commanded velocity'] if fast[followed].any() else []
        # At a hole in the stream there is nothing to differentiate.
        whole = followed & (np.abs(steps - 1e-3) < 1e-5)
        acceleration = np.diff(position, 2, axis=0)[whole[1:] & whole[:-1]] / 1e-6
        jerk = np.diff(position, 3, axis=0)[whole[2:] & whole[1:-1] & whole[:-2]] / 1e-9
        for name, values in (('acceleration', acceleration), ('jerk', jerk)):
            if (np.abs(values) > getattr(model, name)).any():
                found.append('commanded ' + name)
        return found


def _joints(messages: list[Any], field: str) -> np.ndarray:
    return np.array([getattr(message, field)[:7] for message in messages])


def stamp_of(message: Any) -> int:
    """Give the stamp of a message [ns]."""
    stamp = message.header.stamp
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


@pytest.fixture
def watch(context: Any) -> Iterator[Watch]:
    """Watch a graph in the domain of the test."""
    watching = Watch(context)
    yield watching
    watching.close()


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
