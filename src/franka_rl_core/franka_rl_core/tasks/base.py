# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of a task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array
from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.observation import ObservationTerm
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState


class Judgement(NamedTuple):
    """What N worlds have reached."""

    distance: Any  # (N,) to the goal [m]
    success: Any  # (N,) of bool
    terms: dict[str, Any]  # raw reward terms, each (N,)


class Task(ABC):
    """
    A goal-conditioned task.

    Its functions are pure and batched, and work on arrays of NumPy and PyTorch alike.

    :param reward: name of one of the :attr:`rewards`.
    :raises UnknownNameError: the task has no such reward; the message lists those it has.
    """

    #: Name under which the registry finds it: the name of its module.
    name: ClassVar[str]
    #: Rewards: name → weight of each raw term.
    rewards: ClassVar[dict[str, dict[str, float]]]
    #: Names of the raw reward terms, in order.
    reward_term_names: ClassVar[tuple[str, ...]]
    #: What a backend must have, see :attr:`Backend.capabilities`.
    needs: ClassVar[frozenset[str]] = frozenset()
    #: Number of values of a goal.
    goal_size: ClassVar[int]
    #: Number of random numbers that a goal is drawn by.
    random_size: ClassVar[int]
    #: Length of an episode [control periods].
    max_episode_steps: ClassVar[int]
    #: Control where none is chosen.
    default_control: ClassVar[str] = 'ee'
    #: Displacement of an action of 1, for controls whose own default does not suit the task.
    action_scales: ClassVar[Mapping[str, float]] = {}
    #: Overrides of ``SafetyConfig`` that the task needs; users override them in turn.
    safety: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, reward: str) -> None:
        if reward not in self.rewards:
            raise UnknownNameError(f'reward of task {self.name}', reward, self.rewards)
        self.weights = self.rewards[reward]

    @abstractmethod
    def start_joint_position(self, model: RobotModel) -> NDArray[np.float64]:
        """Give the posture in which an episode starts: (7,) [rad]."""

    @abstractmethod
    def sample_goal(self, uniform: Array) -> Array:
        """Draw goals by random numbers in [0, 1): (N, random_size) → (N, goal_size)."""

    def fixed_goals(self) -> NDArray[np.float64] | None:
        """Give all goals, (K, goal_size), of a task that has a list of them."""
        return None

    @abstractmethod
    def observation_terms(self, control: str) -> tuple[ObservationTerm, ...]:
        """Name what a policy sees beside the goal, in order, for a kind of control."""

    @abstractmethod
    def achieved_goal(self, arm: ArmState) -> Array:
        """Give what the arm has reached of the goal: (N, goal_size)."""

    @abstractmethod
    def judge(self, achieved: Any, desired: Any) -> Judgement:
        """Say what has been reached of the goals: (N, goal_size), (N, goal_size) → (N,) each."""

    def reward(self, terms: dict[str, Any]) -> Any:
        """Add up the weighted terms: (N,)."""
        return sum(weight * terms[name] for name, weight in self.weights.items())


def point_distance(a: Any, b: Any) -> Any:
    """Give the distance of points, which arrays (..., 3) or more begin with: (...) [m]."""
    away = a - b
    # Written out, so that its bits do not depend on how the arrays lie in memory.
    x, y, z = away[..., 0], away[..., 1], away[..., 2]
    return (x * x + y * y + z * z) ** 0.5
