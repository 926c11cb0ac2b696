# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The guard node: streams, holds and says why."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from franka_rl_interfaces.msg import GuardStatus
from franka_rl_nodes.guard_node import GuardNode
from franka_rl_nodes.runtime import call, first_call

pytestmark = pytest.mark.real_time


class Arming:
    """Arms and disarms the guard."""

    def __init__(self, robot: Any) -> None:
        self._client = robot.ros.client(SetBool, 'guard/arm')
        first_call(self._client, SetBool.Request(data=False), 20.0)

    def __call__(self, on: bool) -> SetBool.Response:
        return call(self._client, SetBool.Request(data=on), 5.0)


@pytest.fixture
def arm(robot: Any, spin: Any) -> Arming:
    spin(GuardNode)
    return Arming(robot)


def _armed(robot: Any, arm: Arming) -> None:
    assert wait_until(lambda: arm(True).success)
    assert wait_until(lambda: len(robot.commands) > 3)


def _held_because(robot: Any, reason: str) -> None:
    """Wait for a status; on a busy machine the next one may say that the guard was late."""
    assert wait_until(lambda: reason in [s.reason for s in robot.statuses]), robot.status
    (first, *_) = (status for status in robot.statuses if status.reason == reason)
    assert first.verdict == 2


def _fault_because(robot: Any, reason: str, explanation: str) -> None:
    assert wait_until(lambda: robot.status.state == GuardStatus.FAULT), robot.status
    assert robot.status.reason == reason
    assert explanation in robot.status.detail
    assert 'call ~/recover, then ~/arm' in robot.status.detail


def test_starts_disarmed_and_sends_nothing(robot: Any, arm: Arming, sleep: Any) -> None:
    sleep(0.3)
    assert robot.status.state == GuardStatus.DISARMED
    assert robot.commands == []


def test_is_not_armed_without_a_fresh_joint_state(robot: Any, spin: Any) -> None:
    robot.publishing = False
    spin(GuardNode)
    answer = Arming(robot)(True)
    assert (answer.success, answer.message) == (False, 'cannot arm: no fresh joint state')


def test_streams_the_measured_posture_until_a_target_comes(robot: Any, arm: Arming) -> None:
    _armed(robot, arm)
    assert wait_until(lambda: robot.status.state == GuardStatus.ARMED)
    assert all(np.array_equal(command, robot.position) for command in robot.commands)


def test_goes_to_a_target_and_stays(robot: Any, arm: Arming, sleep: Any) -> None:
    _armed(robot, arm)
    target = robot.position + 0.02
    for sequence in range(1, 26):  # as a policy does, 25 times a second
        robot.send_target(target, sequence)
        sleep(0.04)
    assert wait_until(lambda: np.allclose(robot.commands[-1], target, atol=1e-3))
    _held_because(robot, 'stale_target')
    assert np.allclose(robot.commands[-1], target, atol=1e-3)
    steps = np.abs(np.diff(robot.commands, axis=0))
    # 1,000 commands a second, at half the velocity limit; some may be lost on a busy machine.
    assert (np.median(steps, axis=0) <= 0.5 * robot.model.velocity * 0.001).all()
    assert (steps <= 0.5 * robot.model.velocity * 0.02).all()


@pytest.mark.parametrize(
    ('position', 'names', 'reason'),
    [
        (np.full(7, np.nan), None, 'not_finite'),
        (np.full(7, np.inf), None, 'not_finite'),
        (np.zeros(6), None, 'wrong_shape'),
        (np.zeros(8), None, 'wrong_shape'),
        (np.zeros(7), [f'fr3_joint{i}' for i in range(1, 8)], 'wrong_joints'),
    ],
)
def test_a_bad_target_holds_the_arm_and_the_reason_is_published(
    robot: Any, arm: Arming, position: Any, names: Any, reason: str
) -> None:
    _armed(robot, arm)
    robot.send_target(position, 1, names)
    _held_because(robot, reason)
    assert wait_until(lambda: robot.status.held >= 1)  # by the next heartbeat
    count = len(robot.commands)
    assert wait_until(lambda: len(robot.commands) > count + 10)
    assert all(np.array_equal(command, robot.position) for command in robot.commands)


@pytest.mark.parametrize('period', [0.02, float('nan')])
def test_a_target_for_another_period_is_refused(robot: Any, arm: Arming, period: float) -> None:
    _armed(robot, arm)
    robot.send_target(robot.position + 0.001, 1, period=period)
    _held_because(robot, 'wrong_period')


def test_a_driver_that_repeats_a_stamp_is_stale(robot: Any, arm: Arming) -> None:
    _armed(robot, arm)
    robot.send_target(robot.position + 0.004, 1)
    robot.frozen_stamp = robot.now()
    _held_because(robot, 'stale_state')


@pytest.mark.parametrize('rate', [50.0, 2000.0])
def test_a_rate_that_no_arm_takes_is_refused(processes: Any, bundle: Any, rate: float) -> None:
    guard = processes.node('guard', policy=bundle, rate=rate)
    assert guard.wait(20) == 2
    assert 'rate is out of bounds: ticks a second [Hz, 100 to 1000]' in processes.output(guard)[1]


def test_a_repeated_target_is_out_of_order(robot: Any, arm: Arming) -> None:
    _armed(robot, arm)
    count = len(robot.statuses)
    robot.send_target(robot.position, 5)
    assert wait_until(lambda: 'none' in [status.reason for status in robot.statuses[count:]])
    robot.send_target(robot.position, 5)
    _held_because(robot, 'out_of_order')


def test_silence_holds_and_the_stream_goes_on(robot: Any, arm: Arming) -> None:
    _armed(robot, arm)
    robot.send_target(robot.position + 0.004, 1)
    _held_because(robot, 'stale_target')
    assert wait_until(lambda: len(robot.commands) > 20)
    assert wait_until(lambda: np.array_equal(robot.commands[-1], robot.commands[-20]))
    count = len(robot.commands)
    assert wait_until(lambda: len(robot.commands) > count + 20)


def test_a_silent_driver_holds(robot: Any, arm: Arming) -> None:
    _armed(robot, arm)
    robot.send_target(robot.position + 0.004, 1)
    robot.publishing = False
    _held_because(robot, 'stale_state')


def test_a_jump_of_the_measured_arm_is_a_latched_fault(robot: Any, arm: Arming, sleep: Any) -> None:
    _armed(robot, arm)
    before = robot.position
    robot.position = before + 0.3
    _fault_because(robot, 'state_jump', 'the measured joints have jumped')
    count = len(robot.commands)
    robot.position = before
    assert wait_until(lambda: len(robot.commands) > count + 20), 'the stream must go on'
    assert robot.status.state == GuardStatus.FAULT, 'a fault must not heal by itself'
    assert all(np.array_equal(command, before) for command in robot.commands)
    robot.send_target(before + 0.004, 1)
    sleep(0.1)
    assert np.array_equal(robot.commands[-1], before)
    assert arm(True).success
    assert wait_until(lambda: robot.status.state == GuardStatus.ARMED)


def test_an_arm_that_does_not_follow_is_a_latched_fault(
    robot: Any, arm: Arming, sleep: Any
) -> None:
    """The robot stays where it is whatever it is commanded: it is blocked, or nobody drives it."""
    _armed(robot, arm)
    target = robot.position + 0.05
    for sequence in range(1, 60):
        target = target + 0.01
        robot.send_target(target, sequence)
        sleep(0.04)
        if robot.status.state == GuardStatus.FAULT:
            break
    _fault_because(robot, 'tether', 'the arm is not where it was sent')
    assert np.abs(robot.commands[-1] - robot.position).max() < 0.25


def test_lost_joint_states_become_a_fault(robot: Any, arm: Arming) -> None:
    _armed(robot, arm)
    robot.publishing = False
    _held_because(robot, 'stale_state')
    _fault_because(robot, 'stale_state', 'look at the robot driver and the network')


def test_another_commander_is_a_fault_and_is_refused(robot: Any, arm: Arming) -> None:
    _armed(robot, arm)
    node = robot.ros.node
    rival = node.create_publisher(JointState, 'joint_command', 1)
    _fault_because(robot, 'other_commander', 'there must be one guard')
    answer = arm(True)
    assert (answer.success, '2 nodes command the robot' in answer.message) == (False, True)
    robot.ros.perform(node.destroy_publisher, rival)
    assert wait_until(lambda: arm(True).success)


def test_disarming_brakes_first_and_then_is_silent(robot: Any, arm: Arming, sleep: Any) -> None:
    _armed(robot, arm)
    for sequence in range(1, 5):
        robot.send_target(robot.position + 0.05, sequence)
        sleep(0.04)
    assert arm(False).success

    def silent() -> bool:
        count = len(robot.commands)
        sleep(0.1)
        return len(robot.commands) == count

    assert wait_until(silent)
    steps = np.abs(np.diff(robot.commands, axis=0)).max(axis=1)
    assert steps.max() > 0.0, 'it has moved'
    assert steps[-1] < 1e-5, 'it came to rest before the stream ended'
    count = len(robot.commands)
    robot.send_target(robot.position, 9)
    sleep(0.2)
    assert len(robot.commands) == count
    assert wait_until(lambda: robot.status.state == GuardStatus.DISARMED)


def test_latency_is_published(robot: Any, arm: Arming) -> None:
    from franka_rl_interfaces.msg import StepLatency
    from franka_rl_nodes import qos

    latencies: dict[int, StepLatency] = {}
    robot.ros.node.create_subscription(
        StepLatency, 'guard/latency', lambda m: latencies.update({m.sequence: m}), qos.REPORT
    )
    _armed(robot, arm)
    before = robot.now()
    robot.send_target(robot.position, 1)  # repeated until DDS has found the subscriptions
    for first in range(2, 100):
        robot.send_target(robot.position, first)
        if wait_until(lambda: bool(latencies), 0.05):
            break
    for sequence in range(first + 1, first + 5):
        robot.send_target(robot.position, sequence)
        assert wait_until(partial(latencies.__contains__, sequence)), (sequence, latencies)
    seconds = 1e-9 * (robot.now() - before)
    for latency in latencies.values():
        assert 0.0 < latency.computation < latency.total < seconds, latencies


def test_a_bundle_for_another_robot_is_refused(processes: Any, bundle: Any) -> None:
    guard = processes.node('guard', robot='fr3', policy=bundle)
    assert guard.wait(20) == 2
    assert "the policy is for 'panda', the robot is 'fr3'" in processes.output(guard)[1]
