# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the goals of the episodes come from."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from rclpy.node import Node

from franka_rl_core.envs.config import Parts
from franka_rl_core.envs.goals import GoalSampler
from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.reachability import check_goals
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import goal_from_msg

TOPIC = 'target_pose'
# A goal from a topic is awaited for so long, and must be so fresh [s].
_PATIENCE_S = 30.0
_FRESH_S = 1.0

Goals = Callable[[], NDArray[np.float64]]


def parse_goal(text: str, parts: Parts) -> NDArray[np.float64] | None:
    """
    Read what the parameter ``goal`` says.

    :param parts: of the environment.
    :returns: (3,) [m], or None for ``random`` and ``topic``.
    :raises RefusedError: it is none of these, or the arm cannot reach the place.
    """
    if text in ('random', 'topic'):
        return None
    try:
        goal = np.array([float(word) for word in text.split(',')])
    except ValueError:
        goal = np.empty(0)
    if goal.shape != (3,) or not np.isfinite(goal).all():
        raise RefusedError(f"goal must be 'random', 'topic' or x,y,z [m], not {text!r}")
    check_goals(parts.model, parts.chain.config, goal)
    return goal


def make_goals(text: str, node: Node, parts: Parts, seed: int) -> Goals:
    """
    Make what gives the goal of each episode: (3,) in the robot base frame [m].

    :param text: ``random`` (of the task), ``x,y,z``, or ``topic`` (the newest ``target_pose``).
    :param node: receives the topic; somebody else spins it.
    :param parts: of the environment.
    :param seed: of the random goals.
    :raises RefusedError: the text is none of these, or the arm cannot reach the place.
    """
    fixed = parse_goal(text, parts)
    if fixed is not None:
        return lambda: fixed
    if text == 'topic':
        return TopicGoals(node, parts.model.base_frame).next
    return _random(parts, seed)


def _random(parts: Parts, seed: int) -> Goals:
    sampler = GoalSampler(parts.task, 1)
    sampler.seed(seed)

    def draw() -> NDArray[np.float64]:
        sampler.draw(np.array([0]))
        goal: NDArray[np.float64] = sampler.goal[0].copy()
        return goal

    return draw


class TopicGoals:
    """
    The newest ``target_pose``, as perception sees it.

    :param node: the node.
    :param frame: the robot base frame, which poses must be in.
    """

    def __init__(self, node: Node, frame: str) -> None:
        self._frame = frame
        self._newest: tuple[float, PoseStamped] | None = None
        node.create_subscription(PoseStamped, TOPIC, self._on_pose, qos.SENSOR)

    def _on_pose(self, message: PoseStamped) -> None:
        self._newest = time.monotonic(), message

    def next(self) -> NDArray[np.float64]:
        """
        Wait for a fresh pose: (3,) [m].

        :raises BackendLostError: none comes.
        :raises RefusedError: it is in another frame, or not finite.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while self._newest is None or time.monotonic() - self._newest[0] > _FRESH_S:
            if time.monotonic() > deadline:
                raise BackendLostError(f'no pose on {TOPIC} within {_PATIENCE_S:g} s')
            time.sleep(0.02)
        return self._read(self._newest[1])

    def _read(self, message: PoseStamped) -> NDArray[np.float64]:
        frame: Any = message.header.frame_id
        if frame != self._frame:
            raise RefusedError(f'{TOPIC} is in frame {frame!r}; it must be in {self._frame!r}')
        goal = goal_from_msg(message)
        if not np.isfinite(goal).all():
            raise RefusedError(f'{TOPIC} is not finite: {goal.tolist()}')
        return goal
