# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl home``: bring the arm of a running system to its home posture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from franka_rl_core.exceptions import MissingDependencyError, RefusedError

if TYPE_CHECKING:
    from franka_rl_nodes.guard_client import GuardClient


def command(
    posture: Annotated[
        str, typer.Option(help='Seven joint positions [rad], with commas; empty for home.')
    ] = '',
    speed: Annotated[
        float, typer.Option(help='Share of the velocity limits, 0 for the default.', min=0, max=0.5)
    ] = 0.0,
    namespace: Annotated[str, typer.Option(help='Namespace of the nodes.')] = '',
    arm: Annotated[
        bool, typer.Option(help='Arm the guard first, and disarm it at the end.')
    ] = False,
) -> None:
    """
    Move the arm to its home posture, slowly, in a straight joint motion.

    The guard of a running system does it: it checks the whole way for collisions first, and refuses
    one that is not free.
    """
    goal = _read(posture)
    try:
        import rclpy
        from rclpy.node import Node
    except ImportError as error:
        raise MissingDependencyError(
            'rclpy', "make setup, or ROS 2 Jazzy from apt; then '. ./env.sh'"
        ) from error
    from franka_rl_nodes.guard_client import GuardClient
    from franka_rl_nodes.runtime import BackgroundNode

    rclpy.init()
    ros = BackgroundNode(Node('home', namespace=namespace))
    try:
        _go(GuardClient(ros), goal, speed, arm)
    finally:
        ros.close()
        rclpy.try_shutdown()


def _go(guard: GuardClient, goal: list[float], speed: float, arm: bool) -> None:
    if arm:
        guard.arm(True)
    try:
        guard.go_to(goal, speed)
    finally:
        if arm:
            guard.arm(False)
    print('home' if not goal else 'arrived')


def _read(posture: str) -> list[float]:
    try:
        return [float(word) for word in posture.split(',')] if posture else []
    except ValueError as error:
        raise RefusedError(f'posture must be seven numbers with commas, not {posture!r}') from error
