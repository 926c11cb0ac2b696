# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl home``: bring the arm of a running system to its home posture."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer

from franka_rl_core.exceptions import (
    BackendLostError,
    MissingDependencyError,
    RefusedError,
    UnknownNameError,
)
from franka_rl_core.robot_model import available_robots, load_robot

if TYPE_CHECKING:
    from franka_rl_nodes.runtime import BackgroundNode

WAYS = ('auto', 'guard', 'ptp', 'moveit')


def command(
    posture: Annotated[
        str, typer.Option(help='Seven joint positions in rad, with commas; empty for home.')
    ] = '',
    by: Annotated[
        str,
        typer.Option(
            help='Who moves the arm: guard (straight in joint space, checked for collisions), ptp '
            "(the action of franka_ros2), moveit (plans around obstacles); auto takes the guard's "
            'way where a guard runs, else moveit or ptp, as they are installed.'
        ),
    ] = 'auto',
    robot: Annotated[
        str, typer.Option(help=f'Robot ({", ".join(available_robots())}), for ptp and moveit.')
    ] = 'panda',
    speed: Annotated[
        float, typer.Option(help='Share of the velocity limits, 0 for the default.', min=0, max=0.5)
    ] = 0.0,
    namespace: Annotated[str, typer.Option(help='Namespace of the nodes.')] = '',
    arm: Annotated[
        bool, typer.Option(help='Arm the guard first, and disarm it at the end.')
    ] = False,
) -> None:
    """Move the arm to its home posture, slowly."""
    if by not in WAYS:
        raise UnknownNameError('way', by, WAYS)
    goal = _read(posture)
    model = load_robot(robot)
    if find_spec('rclpy') is None:
        raise MissingDependencyError(
            'rclpy', "make setup, or ROS 2 Jazzy from apt; then '. ./env.sh'"
        )
    import rclpy
    from rclpy.node import Node

    from franka_rl_nodes import home_ways
    from franka_rl_nodes.runtime import BackgroundNode

    rclpy.init()
    ros = BackgroundNode(Node('home', namespace=namespace))
    ways: dict[str, Callable[[], None]] = {
        'guard': lambda: home_ways.by_guard(ros, goal, speed, arm),
        'ptp': lambda: home_ways.by_ptp(ros, goal or model.home.tolist(), model, speed),
        'moveit': lambda: home_ways.by_moveit(goal or model.home.tolist(), model, speed),
    }
    try:
        ways[_best(ros) if by == 'auto' else by]()
    finally:
        ros.close()
        rclpy.try_shutdown()
    print('arrived' if goal else 'home')


def _best(ros: BackgroundNode) -> str:
    """Say who can move the arm."""
    from franka_rl_nodes import home_ways

    if home_ways.guard_runs(ros):
        return 'guard'
    for way, package in (('moveit', 'moveit'), ('ptp', 'franka_msgs')):
        if find_spec(package) is not None:
            return way
    raise BackendLostError(
        'nobody can move the arm: no guard runs, and neither MoveIt nor franka_msgs is installed'
    )


def _read(posture: str) -> list[float]:
    try:
        goal = [float(word) for word in posture.split(',')] if posture else []
    except ValueError:
        goal = [0.0]
    if len(goal) not in (0, 7):
        raise RefusedError(f'posture must be seven numbers with commas, not {posture!r}')
    return goal
