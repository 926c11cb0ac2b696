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

    They are drawn ahead, at a time that :meth:`prepare` chooses: who waits for a goal has it at
    once.

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
        self._next = self._few.repeated([0.0] * self._task.goal_size, self._num_worlds)
        self._used = self._few.index(range(self._num_worlds))  # worlds whose next is to be drawn

    def draw(self, worlds: Array) -> None:
        """Give new goals to some worlds, (M,) int64; :attr:`goal` becomes another array."""
        if self.source is not None:
            self.goal = self._arrays.constant([self.source()])
            return
        self.prepare()
        self._used = self._few.index(worlds)
        self.goal = self._arrays.replaced(self.goal, worlds, self._next[self._used])

    def prepare(self) -> None:
        """Draw ahead what :meth:`draw` has used up."""
        worlds = self._used
        if self.source is not None or not len(worlds):
            return
        drawn = self._drawn[worlds]
        numbers = uniform(self._few, self._key, worlds, drawn, self._task.random_size)
        # In place: nobody else has these arrays.
        self._next[worlds] = self._task.sample_goal(numbers)
        self._drawn[worlds] = drawn + 1
        self._used = worlds[:0]
