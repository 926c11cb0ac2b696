# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Who can bring an arm to a posture: the guard, franka_ros2's action, or MoveIt."""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from rclpy.action import ActionClient

from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.robot_model import RobotModel
from franka_rl_nodes.drivers.ros_packages import message
from franka_rl_nodes.guard_client import GuardClient
from franka_rl_nodes.runtime import BackgroundNode

# DDS announces a program that has just started for half a second, and again after 3 s: the first
# may be lost (Fast DDS: initial announcements, lease announcement period).
DISCOVERY_S = 7.0
MOVE_TIMEOUT_S = 120.0
_SPEED = 0.1  # share of the velocity limits, where none is given
_TOLERANCE_RAD = 0.01
_REACHED = 2  # target_status of franka_msgs/action/PTPMotion


def guard_runs(ros: BackgroundNode) -> bool:
    """Say whether a guard runs."""
    return GuardClient(ros).is_there(DISCOVERY_S)


def by_guard(ros: BackgroundNode, goal: list[float], speed: float, arm: bool) -> None:
    """
    Have the guard of a running system move the arm, straight in joint space.

    :raises RefusedError: the way is not free, or the guard is not armed.
    """
    guard = GuardClient(ros)
    if arm:
        guard.arm(True)
    try:
        guard.go_to(goal, speed)
    finally:
        if arm:
            guard.arm(False)


def by_ptp(ros: BackgroundNode, goal: list[float], model: RobotModel, speed: float) -> None:
    """
    Use franka_ros2's action, which needs an arm whose controllers are stopped.

    A second goal would keep the speed of a running one (frankarobotics/franka_ros2), so none is
    sent before the last one has ended.

    :raises MissingDependencyError: franka_msgs is not installed.
    :raises BackendLostError: the action does not answer.
    :raises RefusedError: the arm has not arrived; in the words of the driver.
    """
    kind = message('franka_msgs.action', 'PTPMotion')
    client = ActionClient(ros.node, kind, 'action_server/ptp_motion')
    if not client.wait_for_server(timeout_sec=DISCOVERY_S):
        raise BackendLostError('there is no action action_server/ptp_motion: does the driver run?')
    request = kind.Goal(
        goal_joint_configuration=goal,
        maximum_joint_velocities=((speed or _SPEED) * model.velocity).tolist(),
        goal_tolerance=_TOLERANCE_RAD,
    )
    ask = partial(ros.answer, what='the driver')
    handle = ask(client.send_goal_async, request, timeout_s=DISCOVERY_S)
    if not handle.accepted:
        raise RefusedError('the driver refused the motion; are its controllers stopped?')
    answer = ask(handle.get_result_async, timeout_s=MOVE_TIMEOUT_S)
    status = answer.result.target_status
    if getattr(status, 'status', status) != _REACHED:
        raise RefusedError(f'the arm did not arrive: {answer.result.error_message}')


def by_moveit(goal: list[float], model: RobotModel, speed: float) -> None:
    """
    Plan and execute with MoveIt, in a process of its own: its end shuts ROS down where it lives.

    :raises RefusedError: MoveIt found no way, or did not execute it; what it said is above.
    """
    words = [sys.executable, '-m', 'franka_rl_nodes.home_moveit', model.name, f'{speed or _SPEED}']
    code = subprocess.call([*words, *map(str, goal)], timeout=MOVE_TIMEOUT_S)
    if code != 0:
        raise RefusedError(f'MoveIt did not bring the arm there (exit code {code})')
