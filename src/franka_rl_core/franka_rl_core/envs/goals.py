# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The goals of N worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.tasks.base import Task


class GoalSampler:
    """
    Draws goals from one random stream per world.

    The streams are children of one seed, so a world's goals depend neither on how many worlds there
    are nor on when the others restart.
    """

    def __init__(self, task: Task, num_worlds: int) -> None:
        self._task = task
        self.goal: NDArray[np.float64] = np.zeros((num_worlds, task.goal_size))
        self.seed(None)

    def seed(self, seed: int | None) -> None:
        """Start the streams again; None takes entropy from the system."""
        children = np.random.SeedSequence(seed).spawn(len(self.goal))
        self._streams = [np.random.default_rng(child) for child in children]

    def draw(self, worlds: NDArray[np.int64]) -> None:
        """Draw new goals for these worlds."""
        # A new array: observations that were handed out keep the old goals.
        self.goal = self.goal.copy()
        for world in worlds:
            self.goal[world] = self._task.sample_goal(self._streams[world])

    def state(self) -> list[dict[str, Any]]:
        """Give the state of the streams, as plain data."""
        return [dict(stream.bit_generator.state) for stream in self._streams]

    def set_state(self, state: list[dict[str, Any]]) -> None:
        """Go on from a state given by :meth:`state`."""
        for stream, value in zip(self._streams, state, strict=True):
            stream.bit_generator.state = value
