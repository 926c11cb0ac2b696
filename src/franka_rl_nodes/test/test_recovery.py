# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Guard and arm together: arming, reflexes, recovery, and ways to postures."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from conftest import wait_until
from sensor_msgs.msg import JointState

from franka_rl_core.exceptions import RefusedError
from franka_rl_interfaces.action import MoveJoints
from franka_rl_interfaces.msg import GuardStatus, JointTarget, RobotStatus
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import joint_state_to_msg, stamp_to_msg, to_field

pytestmark = pytest.mark.real_time

# Touches nothing, and is not far from home.
AWAY = np.array([0.3, -0.6, 0.1, -2.2, 0.1, 1.6, 0.6])


@pytest.fixture
def guard(processes: Any, watch: Any) -> Any:
    """Start an arm and its guard, disarmed; gives the guard's process."""
    return _start(processes, watch)


def _start(processes: Any, watch: Any, fci: str = '{}') -> Any:
    processes.node('simulator', mode='fci', fci=f"'{fci}'")
    guard = processes.node('guard', driver='fci')
    watch.ready()
    return guard


def _reflex(watch: Any) -> str:
    """Provoke one, by a rival that steps; gives its name."""
    rival = watch.ros.node.create_publisher(JointState, 'joint_command', qos.COMMAND)
    assert wait_until(rival.get_subscription_count)
    while not (errors := watch.robot[-1].errors):
        step = watch.position + 0.3
        rival.publish(joint_state_to_msg(watch.model.joint_names, step, (), time.time_ns()))
        time.sleep(0.02)
    watch.ros.perform(watch.ros.node.destroy_publisher, rival)
    assert watch.robot[-1].mode == RobotStatus.REFLEX
    return errors[0]


def _send_target(watch: Any, publisher: Any, sequence: int) -> None:
    target = JointTarget(
        sequence=sequence,
        joint_names=list(watch.model.joint_names),
        position=to_field(watch.position, 'float64'),
        period=0.04,
    )
    target.header.stamp = stamp_to_msg(time.time_ns())
    publisher.publish(target)


def test_arming_waits_until_the_follower_follows(guard: Any, watch: Any) -> None:
    assert watch.status.state == GuardStatus.DISARMED
    assert watch.commands == []
    watch.arm()
    assert wait_until(lambda: watch.status.state == GuardStatus.ARMED)
    arming = [status for status in watch.statuses if status.state == GuardStatus.ARMING]
    assert [status.detail for status in arming[:1]] == ['the controller is being started']
    assert wait_until(lambda: watch.follower[-1].data == 'FOLLOWING')
    assert wait_until(lambda: watch.robot[-1].mode == RobotStatus.MOVE)
    count = len(watch.statuses)
    watch.guard.arm(False)
    assert wait_until(lambda: watch.follower[-1].data == 'INACTIVE')
    assert wait_until(lambda: watch.status.state == GuardStatus.DISARMED)
    leaving = {status.state for status in watch.statuses[count:]}
    assert leaving <= {GuardStatus.ARMED, GuardStatus.DISARMING, GuardStatus.DISARMED}
    assert GuardStatus.DISARMING in leaving
    assert watch.outside_limits() == []


def test_a_reflex_is_a_fault_until_it_is_recovered_and_armed(guard: Any, watch: Any) -> None:
    watch.arm()
    name = _reflex(watch)
    assert name.startswith('joint_motion_generator_velocity_')
    assert wait_until(lambda: watch.status.state == GuardStatus.FAULT)
    assert wait_until(lambda: f'the robot says: {name}' in watch.status.detail)
    assert 'call ~/recover, then ~/arm' in watch.status.detail
    with pytest.raises(RefusedError, match=f'stopped by {name}; call ~/recover'):
        watch.guard.arm(True)
    count = len(watch.statuses)

    watch.guard.recover()
    assert wait_until(lambda: watch.status.detail == 'recovered: call ~/arm to go on')
    assert watch.status.state == GuardStatus.ARMING
    steps = [s.detail for s in watch.statuses[count:] if s.state == GuardStatus.RECOVERING]
    said = list(dict.fromkeys(steps))
    assert said[0] == 'everything that was planned is dropped'
    for step in ('error recovery', 'waiting for fresh joint states', 'controller is being started'):
        assert any(step in text for text in said), said
    assert wait_until(lambda: watch.robot[-1].errors == [])
    assert wait_until(lambda: watch.follower[-1].data == 'FOLLOWING')

    targets = watch.ros.node.create_publisher(JointTarget, 'joint_target', qos.COMMAND)
    assert wait_until(targets.get_subscription_count)
    _send_target(watch, targets, 1)
    assert wait_until(lambda: watch.status.reason == 'controller')
    with pytest.raises(RefusedError, match='the guard is not armed'):
        watch.guard.go_to([])
    watch.arm()
    _send_target(watch, targets, 1)
    assert wait_until(lambda: watch.status.passed + watch.status.clipped == 1)


def test_an_arm_that_meets_something_says_so(processes: Any, watch: Any) -> None:
    """There is a table that the guard does not know of, and the arm goes down to it."""
    _start(processes, watch, '{table_height: 0.42}')
    watch.arm()
    down = watch.model.home + [0.0, 0.6, 0.0, 0.0, 0.0, 0.0, 0.0]
    with pytest.raises(RefusedError, match='stopped on the way: robot'):
        watch.guard.go_to(down)
    assert wait_until(lambda: watch.status.state == GuardStatus.FAULT)
    assert watch.status.reason == 'robot'
    assert '_reflex' in watch.status.detail
    assert wait_until(watch.rests)
    watch.guard.recover()
    watch.arm()
    watch.guard.go_to([])
    # The arm comes after the guard's motion, and a busy machine sees it later still.
    assert wait_until(lambda: np.abs(watch.position - watch.model.home).max() < 0.02)
    assert watch.outside_limits() == []


def test_a_link_that_loses_all_cannot_be_armed(processes: Any, watch: Any) -> None:
    _start(processes, watch, '{packet_loss: 1.0}')
    with suppress(RefusedError):  # it may be armed for some milliseconds
        watch.guard.arm(True)
    assert wait_until(lambda: 'communication_constraints_violation' in watch.status.detail)
    # A guard that has not seen those milliseconds gives arming up, which ends the fault as well.
    assert wait_until(lambda: GuardStatus.FAULT in [s.state for s in watch.statuses])
    assert watch.status.state in (GuardStatus.FAULT, GuardStatus.DISARMED)


def test_goes_to_a_posture_within_all_limits(guard: Any, watch: Any) -> None:
    with pytest.raises(RefusedError, match='the guard is not armed: call its service ~/arm first'):
        watch.guard.go_to(AWAY)
    watch.arm()
    watch.guard.go_to(AWAY, 0.3)
    assert wait_until(lambda: np.allclose(watch.commands[-1].position, AWAY, atol=1e-9))
    assert wait_until(lambda: np.abs(watch.position - AWAY).max() < 0.01)
    with pytest.raises(RefusedError, match='a posture has 7 numbers'):
        watch.guard.go_to([0.0, 0.1])
    into_the_table = AWAY.copy()
    into_the_table[1] = 1.6
    with pytest.raises(RefusedError, match='way of the joints is not free: .* would touch'):
        watch.guard.go_to(into_the_table)
    beyond = AWAY.copy()
    beyond[3] = 0.5
    with pytest.raises(RefusedError, match='a joint would leave its range'):
        watch.guard.go_to(beyond)
    assert wait_until(watch.rests)
    assert np.allclose(watch.commands[-1].position, AWAY, atol=1e-9)
    watch.guard.go_to([], 0.3)
    home = watch.model.home
    assert wait_until(lambda: np.allclose(watch.commands[-1].position, home, atol=1e-9))
    assert (watch.outside_limits(), watch.robot[-1].errors) == ([], [])


def test_a_way_can_be_left(guard: Any, watch: Any) -> None:
    watch.arm()
    seen: list[Any] = []
    handle = watch.begin(
        MoveJoints,
        'guard/move_joints',
        lambda message: seen.append(message.feedback),
        joint_position=to_field(AWAY, 'float64'),
        speed=0.1,
    )
    assert wait_until(lambda: watch.speed > 0.05)
    watch.result(watch.ask(handle.cancel_goal_async))
    answer = watch.result(watch.ask(handle.get_result_async))
    assert (answer.status, answer.result.message) == (GoalStatus.STATUS_CANCELED, 'cancelled')
    assert wait_until(lambda: bool(seen))
    assert seen[0].phase == 'moving' and seen[0].remaining > 0.0
    assert wait_until(watch.rests)
    assert np.abs(watch.position - AWAY).max() > 0.05, 'it has not gone on'
    assert watch.status.state == GuardStatus.ARMED
    assert (watch.outside_limits(), watch.robot[-1].errors) == ([], [])


def test_disarming_on_the_way_brakes_first(guard: Any, watch: Any) -> None:
    watch.arm()
    going = threading.Thread(target=_go_and_be_stopped, args=(watch,))
    going.start()
    assert wait_until(lambda: watch.speed > 0.1)
    watch.guard.arm(False)
    going.join(10.0)
    assert wait_until(watch.rests)
    assert wait_until(lambda: watch.follower[-1].data == 'INACTIVE')
    assert (watch.outside_limits(), watch.robot[-1].errors) == ([], [])


def _go_and_be_stopped(watch: Any) -> None:
    with pytest.raises(RefusedError, match='stopped on the way'):
        watch.guard.go_to(AWAY)


def test_franka_rl_home(guard: Any, watch: Any, processes: Any) -> None:
    refused = processes.cli('home')
    assert refused.wait(30) == 2
    assert 'the guard is not armed' in processes.output(refused)[1]
    away = processes.cli('home', '--arm', '--posture', ','.join(map(str, AWAY)))
    assert away.wait(30) == 0, processes.output(away)
    assert processes.output(away)[0] == 'arrived\n'
    assert wait_until(lambda: np.abs(watch.position - AWAY).max() < 0.03)
    assert wait_until(lambda: watch.status.state == GuardStatus.DISARMED)
    watch.arm()
    home = processes.cli('home', '--speed', '0.3')
    assert home.wait(30) == 0, processes.output(home)
    assert processes.output(home)[0] == 'home\n'
    assert wait_until(lambda: np.abs(watch.position - watch.model.home).max() < 0.03)
    assert watch.status.state == GuardStatus.ARMED
    assert (watch.outside_limits(), watch.robot[-1].errors) == ([], [])
