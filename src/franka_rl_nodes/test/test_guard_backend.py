# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Steps of the arm behind the guard take real time, and what the agent needs is part of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import JointState

from franka_rl_core.robot_model import load_robot
from franka_rl_interfaces.msg import JointTarget
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import joint_state_to_msg, stamp_from_msg
from franka_rl_nodes.guard_backend import GuardBackend
from franka_rl_nodes.polling import PolledSubscription

PERIOD = 0.1
MODEL = load_robot('panda')


class Arm:
    """An arm in another thread, which turns as fast as it is told, and hears targets."""

    def __init__(self, context: Context) -> None:
        self.speed = 0.0  # of the base [rad/s]
        self._position = MODEL.home.copy()
        self.node = Node('arm', context=context)
        self._states = self.node.create_publisher(JointState, 'franka/joint_states', qos.SENSOR)
        self.targets = PolledSubscription(self.node, JointTarget, 'joint_target', qos.COMMAND)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def close(self) -> None:
        self._end.set()
        self._thread.join(5.0)
        self.node.destroy_node()

    def _run(self) -> None:
        while not self._end.wait(0.002):
            velocity = np.zeros(7)
            velocity[0] = self.speed
            self._position = self._position + 0.002 * velocity
            message = joint_state_to_msg(
                MODEL.joint_names, self._position, velocity, time.time_ns()
            )
            self._states.publish(message)

    def heard(self) -> int:
        """Give the stamp of the newest target [ns]."""
        found: list[Any] = []
        assert wait_until(lambda: bool(found.extend(self.targets.messages()) or found), 5.0)
        return stamp_from_msg(found[-1].header.stamp)


@pytest.fixture
def arm(context: Context) -> Iterator[Arm]:
    running = Arm(context)
    yield running
    running.close()


@pytest.fixture
def backend(arm: Arm, context: Context) -> Iterator[GuardBackend]:
    """Begin an episode without a guard that would bring the arm to its start."""
    backend = GuardBackend(MODEL, PERIOD, arms=False, context=context)
    assert wait_until(lambda: backend._targets.get_subscription_count() > 0)
    backend._state = backend._at_rest()
    yield backend
    backend.close()


def stamp(backend: GuardBackend) -> int:
    assert backend._state is not None
    return int(backend._state.stamp_ns[0])


def test_what_the_agent_needs_is_part_of_the_period(backend: GuardBackend, arm: Arm) -> None:
    first = stamp(backend)
    for _ in range(3):
        time.sleep(0.4 * PERIOD)
        backend.step(MODEL.home[None])
    assert stamp(backend) - first == pytest.approx(3e9 * PERIOD, abs=2e7)
    assert backend.overruns == 0


def test_a_late_target_has_a_whole_period_to_show(backend: GuardBackend, arm: Arm) -> None:
    time.sleep(1.6 * PERIOD)
    called = time.time_ns()
    backend.step(MODEL.home[None])
    assert stamp(backend) - called > 0.9e9 * PERIOD
    assert backend.overruns == 1
    backend.step(MODEL.home[None])
    assert backend.overruns == 1


def test_what_was_seen_of_an_arm_that_rests_does_not_grow_old(
    backend: GuardBackend, arm: Arm
) -> None:
    """Between episodes an agent may learn for seconds."""
    time.sleep(3 * PERIOD)
    called = time.time_ns()
    backend.step(MODEL.home[None])
    assert called - arm.heard() < 0.05e9


def test_what_was_seen_of_an_arm_that_moves_does(backend: GuardBackend, arm: Arm) -> None:
    arm.speed = 0.5
    backend.step(MODEL.home[None])
    arm.heard()
    seen = stamp(backend)
    time.sleep(3 * PERIOD)
    backend.step(MODEL.home[None])
    assert arm.heard() == seen
