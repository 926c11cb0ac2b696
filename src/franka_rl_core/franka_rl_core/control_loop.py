# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The data's way at deployment, without a clock: observation → policy → decode → safety."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.envs.base import goal_observation
from franka_rl_core.envs.config import Parts, make_parts
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.safety.chain import SafeCommand
from franka_rl_core.state import RobotState


@dataclass(frozen=True)
class Proposed:
    """What the policy asks for."""

    action: NDArray[np.float32]  # (N, K)
    joint_target: NDArray[np.float64]  # (N, 7) for one control period after the state [rad]
    distance: NDArray[np.float64]  # (N,) to the goal [m]
    success: NDArray[np.bool_]  # (N,)


class ControlLoop:
    """
    Drives N arms by a policy bundle, with the same objects as the environment of its training.

    :param bundle: the policy.
    """

    def __init__(self, bundle: PolicyBundle) -> None:
        self.bundle = bundle
        self.config = bundle.metadata.config
        self.parts: Parts = make_parts(self.config)

    def propose(self, state: RobotState, goal: NDArray[np.float64]) -> Proposed:
        """
        Ask the policy.

        :param state: measured state of N arms.
        :param goal: (N, G) goals in the robot base frame [m].
        """
        arm = self.parts.model.arm_state(state)
        observation = goal_observation(self.parts, arm, goal)
        action = self.bundle.act(observation)
        achieved = observation['achieved_goal'].astype(np.float64)
        desired = observation['desired_goal'].astype(np.float64)
        judgement = self.parts.task.judge(achieved, desired)
        return Proposed(
            action,
            self.parts.decoder.decode(action, arm),
            judgement.distance,
            judgement.success,
        )

    def step(
        self,
        state: RobotState,
        goal: NDArray[np.float64],
        *,
        hold: NDArray[np.float64] | None = None,
        state_age: float = 0.0,
        target_age: float = 0.0,
    ) -> SafeCommand:
        """Ask the policy and check its answer; see :meth:`propose` and :class:`SafetyChain`."""
        target = self.propose(state, goal).joint_target
        arm = self.parts.model.arm_state(state)
        ages = {'state_age': state_age, 'target_age': target_age}
        return self.parts.chain(target, arm, hold=hold, **ages)
