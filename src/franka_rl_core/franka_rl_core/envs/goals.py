# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The goals of N worlds."""

from __future__ import annotations

from collections.abc import Callable

from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.random_numbers import make_key, uniform
from franka_rl_core.tasks.base import Task


class GoalSampler:
    """
    Draws goals: those of a world depend on the seed, on the world and on how many it drew before.

    :param task: whose goals.
    :param num_worlds: N.
    :param arrays: where they live.
    """

    def __init__(self, task: Task, num_worlds: int, arrays: Arrays = NUMPY) -> None:
        self._task = task
        self._arrays = arrays
        self._few = arrays.of_few
        #: where goals come from instead, for one world: gives (G,)
        self.source: Callable[[], Array] | None = None
        #: (N, G) newest goals
        self.goal: Array = arrays.repeated([0.0] * task.goal_size, num_worlds)
        self._num_worlds = num_worlds
        self.seed(None)

    def seed(self, seed: int | None) -> None:
        """Start again with a seed; None takes entropy from the system."""
        self._key = make_key(seed)
        self._drawn = self._few.index([0] * self._num_worlds)

    def draw(self, worlds: Array) -> None:
        """Draw new goals for some worlds, (M,) int64; :attr:`goal` becomes another array."""
        if self.source is not None:
            self.goal = self._arrays.constant([self.source()])
            return
        few = self._few.index(worlds)
        drawn = self._drawn[few]
        numbers = uniform(self._few, self._key, few, drawn, self._task.random_size)
        self.goal = self._arrays.replaced(self.goal, worlds, self._task.sample_goal(numbers))
        self._drawn = self._few.replaced(self._drawn, few, drawn + 1)
