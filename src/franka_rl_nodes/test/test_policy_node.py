# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The policy node: acts inside an episode, on fresh states only, as its bundle says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from action_msgs.msg import GoalStatus
from conftest import wait_until
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient

from franka_rl_core.control_loop import ControlLoop
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.state import RobotState
from franka_rl_interfaces.action import RunEpisode
from franka_rl_nodes import episode
from franka_rl_nodes.conversions import stamp_from_msg, to_field
from franka_rl_nodes.policy_node import PolicyNode
from franka_rl_nodes.runtime import call, first_call, result_of

pytestmark = pytest.mark.real_time

GOAL = np.array([0.6, 0.1, 0.2])


class Runner:
    """Runs episodes."""

    def __init__(self, robot: Any) -> None:
        self._robot = robot
        self._client = ActionClient(robot.ros.node, RunEpisode, 'policy/run_episode')
        assert self._client.wait_for_server(timeout_sec=20.0)

    def start(self, goal: Any = GOAL, time_limit: float = 0.6) -> Any:
        request = RunEpisode.Goal(goal=to_field(goal, 'float64'), time_limit=time_limit)
        send = self._client.send_goal_async
        return self._robot.ros.answer(send, request, timeout_s=10.0, what='the policy')

    def finish(self, handle: Any) -> Any:
        return self._wait(handle.get_result_async())

    def _wait(self, future: Any) -> Any:
        return result_of(future, 10.0, 'the policy', self._robot.ros.node.context)


@pytest.fixture
def runner(robot: Any, spin: Any, bundle: Path) -> Runner:
    spin(PolicyNode, policy=str(bundle))
    return Runner(robot)


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an episode wait shorter for its first joint state."""
    monkeypatch.setattr(episode, 'DISCOVERY_S', 1.0)


def test_acts_once_per_control_period_on_the_stamps_of_the_states(
    robot: Any, runner: Runner, bundle: Path
) -> None:
    handle = runner.start(time_limit=1.0)
    answer = runner.finish(handle)
    assert (answer.result.success, answer.result.message) == (False, 'time is up')
    assert answer.status == GoalStatus.STATUS_SUCCEEDED
    stamps = [stamp_from_msg(target.header.stamp) for target in robot.targets]
    assert set(stamps) <= robot.stamps
    assert 20 <= len(stamps) <= 26, '25 Hz for 1 s'
    assert [target.sequence for target in robot.targets] == list(range(1, len(stamps) + 1))
    # The arm does not move, so every action is the one of the control loop, to the last bit.
    state = RobotState(robot.position[None], np.zeros((1, 7)), np.zeros(1, np.int64))
    expected = ControlLoop(PolicyBundle(bundle)).propose(state, GOAL[None]).joint_target[0]
    for target in robot.targets:
        assert np.array_equal(target.position, expected)
        assert target.period == 0.04


def test_an_episode_begins_with_the_first_fresh_joint_state(
    robot: Any, runner: Runner, sleep: Any
) -> None:
    robot.publishing = False
    sleep(0.1)
    handle = runner.start(time_limit=0.6)
    sleep(2.0)
    assert robot.targets == []
    robot.publishing = True
    answer = runner.finish(handle)
    assert (answer.result.message, answer.result.steps >= 14) == ('time is up', True)


def test_no_joint_state_no_action(robot: Any, runner: Runner, impatience: None) -> None:
    robot.publishing = False
    wait_until(lambda: False, 0.1)
    answer = runner.finish(runner.start())
    assert (answer.result.success, answer.result.message) == (False, 'no fresh joint state')
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert robot.targets == []


def test_an_old_joint_state_no_action(robot: Any, runner: Runner, impatience: None) -> None:
    robot.stamp_offset_ns = -500_000_000
    wait_until(lambda: False, 0.1)
    answer = runner.finish(runner.start())
    assert answer.result.message == 'no fresh joint state'
    assert robot.targets == []


def test_an_episode_begins_when_somebody_listens(robot: Any, runner: Runner, sleep: Any) -> None:
    """A guard that DDS has not found yet costs the episode nothing."""
    robot.listen(False)
    handle = runner.start(time_limit=0.6)
    sleep(2.0)
    assert robot.targets == []
    robot.listen(True)
    answer = runner.finish(handle)
    assert (answer.result.message, answer.result.steps >= 14) == ('time is up', True)
    assert wait_until(lambda: len(robot.targets) >= 10)


def test_an_episode_ends_when_nobody_listens_any_more(robot: Any, runner: Runner) -> None:
    handle = runner.start(time_limit=20.0)
    assert wait_until(lambda: len(robot.targets) > 3)
    robot.listen(False)
    answer = runner.finish(handle)
    assert answer.status == GoalStatus.STATUS_ABORTED
    assert answer.result.message == 'nobody subscribes to joint_target'


def test_an_arm_at_the_goal_has_succeeded_without_an_action(robot: Any, runner: Runner) -> None:
    here = robot.model.tool_position(robot.position[None])[0]
    result = runner.finish(runner.start(here)).result
    assert result.success and result.final_distance < 1e-6 and result.steps == 0
    assert robot.targets == []


def test_an_episode_can_be_cancelled(robot: Any, runner: Runner) -> None:
    handle = runner.start(time_limit=30.0)
    assert wait_until(lambda: len(robot.targets) > 2)
    runner._wait(handle.cancel_goal_async())
    answer = runner.finish(handle)
    assert answer.status == GoalStatus.STATUS_CANCELED
    wait_until(lambda: False, 0.3)
    assert robot.targets[-1].sequence == answer.result.steps, 'it has not gone on'


@pytest.mark.parametrize('goal', [[0.5, 0.0], [np.nan, 0.0, 0.2], []])
def test_a_goal_that_is_none_is_refused(runner: Runner, goal: Any) -> None:
    assert not runner.start(goal).accepted


def test_one_episode_at_a_time(runner: Runner) -> None:
    first = runner.start(time_limit=1.0)
    assert first.accepted
    assert not runner.start().accepted
    runner.finish(first)
    assert runner.start(time_limit=0.1).accepted


def test_without_autostart_it_waits_for_the_lifecycle(robot: Any, spin: Any, bundle: Path) -> None:
    spin(PolicyNode, policy=str(bundle), autostart=False)
    runner = Runner(robot)
    assert not runner.start().accepted
    change = robot.ros.client(ChangeState, 'policy/change_state')
    for transition in (1, 3):  # configure, activate
        request = ChangeState.Request()
        request.transition.id = transition
        assert first_call(change, request, 20.0).success
    handle = runner.start(time_limit=30.0)
    assert handle.accepted
    request = ChangeState.Request()
    request.transition.id = 4  # deactivate
    assert call(change, request, 5.0).success
    assert runner.finish(handle).result.message == 'deactivated'
    assert not runner.start().accepted


def test_the_lifecycle_shutdown_ends_the_episode(robot: Any, runner: Runner) -> None:
    handle = runner.start(time_limit=30.0)
    assert wait_until(lambda: len(robot.targets) > 2)
    change = robot.ros.client(ChangeState, 'policy/change_state')
    request = ChangeState.Request()
    request.transition.id = 7  # shut down from active
    assert first_call(change, request, 20.0).success
    result = runner.finish(handle).result
    assert result.message == 'shut down'
    wait_until(lambda: False, 0.3)
    assert robot.targets[-1].sequence == result.steps, 'it has not gone on'


def test_a_changed_graph_is_refused_when_it_is_configured(
    robot: Any, spin: Any, bundle: Path
) -> None:
    spin(PolicyNode, policy=str(bundle), autostart=False)
    (bundle / 'policy.onnx').write_bytes((bundle / 'policy.onnx').read_bytes() + b' ')
    change = robot.ros.client(ChangeState, 'policy/change_state')
    request = ChangeState.Request()
    request.transition.id = 1
    assert not first_call(change, request, 20.0).success


def test_refusals_end_the_program_with_exit_code_2(processes: Any, bundle: Path) -> None:
    wrong_robot = processes.node('policy', policy=bundle, robot='fr3')
    assert wrong_robot.wait(20) == 2
    assert "for robot 'panda', this system has 'fr3'" in processes.output(wrong_robot)[1]
    (bundle / 'policy.onnx').write_bytes((bundle / 'policy.onnx').read_bytes() + b' ')
    changed = processes.node('policy', policy=bundle)
    assert changed.wait(20) == 2
    assert 'was changed: its sha256 is' in processes.output(changed)[1]
    none = processes.node('policy')
    assert none.wait(20) == 2
    assert 'must name the folder of a policy bundle' in processes.output(none)[1]
