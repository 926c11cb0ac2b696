# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Reach: bring the tool to a point. The task, its numbers included, is panda-gym's PandaReach."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array, namespace
from franka_rl_core.columns import Scalar, evaluate
from franka_rl_core.observation import ObservationTerm, terms_by_name
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState
from franka_rl_core.tasks.base import Judgement, Task, point_distance

# panda-gym 3.0.7 (panda_gym/envs/tasks/reach.py, robots/panda.py, panda_tasks.py). Its robot stands
# at x = -0.6 m, its goals are x, y in ±0.15 m and z in 0 to 0.3 m; here they are in the frame of
# the robot base.
GOAL_LOW = (0.45, -0.15, 0.0)  # [m]
GOAL_HIGH = (0.75, 0.15, 0.3)  # [m]
THRESHOLD = 0.05  # [m]
START = np.array([0.0, 0.41, 0.0, -1.85, 0.0, 2.26, 0.79])  # [rad]


class ReachTask(Task):
    """Reach a random point of a box of 0.3 m to within 5 cm; success ends the episode."""

    name = 'reach'
    rewards = {'sparse': {'missed': -1.0}, 'dense': {'distance': -1.0}}
    reward_term_names = ('distance', 'missed')
    goal_size = random_size = 3
    max_episode_steps = 50

    def start_joint_position(self, model: RobotModel) -> NDArray[np.float64]:
        """See :meth:`Task.start_joint_position`; legal on the Panda and on the FR3."""
        return START

    def sample_goal(self, uniform: Array) -> Array:
        """See :meth:`Task.sample_goal`."""
        return evaluate(_in_the_box, uniform)

    def observation_terms(self, control: str) -> tuple[ObservationTerm, ...]:
        """See :meth:`Task.observation_terms`; joint control has to see the joints."""
        joints = ('joint_position', 'joint_velocity') if control == 'joints' else ()
        return terms_by_name(('tool_position', 'tool_velocity', *joints))

    def achieved_goal(self, arm: ArmState) -> Array:
        """See :meth:`Task.achieved_goal`."""
        return arm.tool_position

    def judge(self, achieved: Any, desired: Any) -> Judgement:
        """See :meth:`Task.judge`; terms: ``distance`` [m], ``missed``: 1 until it is reached."""
        distance = point_distance(achieved, desired)
        missed = namespace(distance).astype(distance >= THRESHOLD, distance.dtype)
        terms = {'distance': distance, 'missed': missed}
        return Judgement(distance, distance < THRESHOLD, terms)


def _in_the_box(uniform: Sequence[Scalar]) -> Sequence[Scalar]:
    corners = zip(GOAL_LOW, GOAL_HIGH, uniform, strict=True)
    return [low + (high - low) * number for low, high, number in corners]
