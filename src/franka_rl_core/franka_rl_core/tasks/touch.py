# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the tasks of touching a point share: the numbers are those of IKPY-based-RL-ENV.

That project (KelvinYang0320, 2021) trained a Panda on ikpy's kinematics alone, by 500 steps of
seven joint displacements of up to 0.032 rad, to bring the middle of its finger tips to within 1 cm
of a point. Some of it is not repeated:

* It began at joint angles of 0, where joint 4 is out of its range; here every joint is in its own.
* It counted the steps of an episode on after a success, so that the next one was cut short; here
  every episode has all of its steps.
* Its reward, here ``seed``, pays 1.5 for every step between 1 and 1.5 cm. To stay there pays more
  than to arrive, which ends the episode: two of the nine goals of its published policy end so. The
  default reward, ``dense``, costs something until the goal is reached.
* It learned once in an episode; here that is up to the algorithm.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array, namespace
from franka_rl_core.observation import ObservationTerm, terms_by_name
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState
from franka_rl_core.tasks.base import Judgement, Task, point_distance

THRESHOLD = 0.01  # [m]
# What the seed's reward adds when the tool is nearer than so much [m].
BONUSES = ((0.03, 0.5), (0.015, 1.5))
# Stretched upwards, nearly as at 0, but with joint 4 inside its range, and with the hand away from
# link 5 [rad].
START = np.array([0.0, 0.0, 0.0, -0.15, 0.0, 0.8, 0.0])
# More than the chain's margin to the ranges of the joints [rad].
_INSIDE = 0.06


class TouchTask(Task):
    """Bring the tool to a point to within 1 cm; success ends the episode."""

    rewards = {
        'dense': {'distance': -1.0, 'missed': -0.1},
        'sparse': {'missed': -1.0},
        'seed': {'distance': -1.0, 'bonus': 1.0},
    }
    reward_term_names: ClassVar[tuple[str, ...]] = ('distance', 'missed', 'bonus')
    goal_size = 3
    random_size = 2
    max_episode_steps = 500
    default_control = 'joints'
    action_scales = {'joints': 0.032}
    # The goals are as low as the base; the table is lower.
    safety = {'floor_shift': -0.08}
    #: All goals, in the frame of the robot base [m].
    goals: Sequence[tuple[float, float, float]]

    def start_joint_position(self, model: RobotModel) -> NDArray[np.float64]:
        """See :meth:`Task.start_joint_position`; legal on the Panda and on the FR3."""
        start: NDArray[np.float64] = np.clip(
            START, model.range_lower + _INSIDE, model.range_upper - _INSIDE
        )
        return start

    def fixed_goals(self) -> NDArray[np.float64]:
        """See :meth:`Task.fixed_goals`."""
        return np.array(self.goals)

    def observation_terms(self, control: str) -> tuple[ObservationTerm, ...]:
        """See :meth:`Task.observation_terms`; with the goal, the ten numbers of the seed."""
        return terms_by_name(('joint_position',))

    def achieved_goal(self, arm: ArmState) -> Array:
        """See :meth:`Task.achieved_goal`."""
        return arm.tool_position

    def judge(self, achieved: Any, desired: Any) -> Judgement:
        """
        See :meth:`Task.judge`; the distance is that of the tool, whatever else is in the goal.

        Terms: ``distance`` [m]; ``missed``: 1 until the goal is reached; ``bonus``: the seed's.
        """
        distance = point_distance(achieved, desired)
        xp = namespace(distance)
        bonus = 0.0 * distance
        for below, paid in BONUSES:
            bonus = xp.where(distance < below, paid, bonus)
        missed = xp.astype(distance >= THRESHOLD, distance.dtype)
        terms = {'distance': distance, 'missed': missed, 'bonus': bonus}
        return Judgement(distance, distance < THRESHOLD, terms)
