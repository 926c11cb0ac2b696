# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What can be said of a training while it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from franka_rl_learning.algorithms.base import Learner
from franka_rl_learning.config import TrainConfig
from franka_rl_learning.scribe import Scribe, following

# Time between two reports [s].
INTERVAL_S = 0.2


@dataclass(frozen=True)
class Progress:
    """Where a training is."""

    steps: int  # world steps so far
    total: int  # world steps in all
    steps_per_second: float  # of this session, updates included
    episode_return: float  # mean of the last 100 episodes, NaN before the first
    success_rate: float  # of the last 100 episodes, NaN before the first
    episodes: int = 0  # that have ended so far
    total_episodes: int = 0  # in all, 0 if steps alone count

    @property
    def parts(self) -> tuple[int, int, str]:
        """How many there are so far and in all, and of what: of what ends the training."""
        if self.total_episodes:
            return self.episodes, self.total_episodes, 'episode'
        return self.steps, self.total, 'step'

    def summary(self) -> str:
        """Give return and success rate in a few words."""
        if math.isnan(self.episode_return):
            return 'no episode yet'
        return f'return {self.episode_return:.2f}, success {self.success_rate:.2f}'


class Watch:
    """
    Is asked after every step whether to go on, and reports from time to time.

    :param learner: what is watched.
    :param config: of the run; says when it has learned enough.
    :param scribe: writes down what came of it so far.
    :param on_progress: called with every report.
    :param should_stop: asked after every step.
    :param interval: episodes between two reports, 0 for :data:`INTERVAL_S` between them.
    """

    def __init__(
        self,
        learner: Learner,
        config: TrainConfig,
        scribe: Scribe,
        on_progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        interval: int = 0,
    ) -> None:
        self._learner, self._config, self._scribe = learner, config, scribe
        self._on_progress, self._should_stop = on_progress, should_stop
        self._first, self._record = learner.steps, learner.episodes
        self._before = float(self._record.rows['seconds'].max(initial=0.0))
        self._start = self._reported = time.monotonic()
        self._interval = interval
        self._next = following(len(self._record), interval)
        self.stopped = False

    def __call__(self) -> bool:
        """Stamp the episodes, report if it is time to, and give False to stop."""
        self._record.stamp(self._learner.steps, self._before + self.seconds)
        if self._due():
            self.report()
        self._scribe()
        return self.go_on() and not self._enough()

    def _due(self) -> bool:
        if self._interval:
            return len(self._record) >= self._next
        return time.monotonic() - self._reported >= INTERVAL_S

    def go_on(self) -> bool:
        """Give False to stop."""
        self.stopped = bool(self._should_stop and self._should_stop())
        return not self.stopped

    def _enough(self) -> bool:
        return 0 < self._config.episodes <= len(self._record)

    @property
    def goes_on(self) -> bool:
        """Whether it was not stopped, and there is something left to learn from."""
        done = self._learner.steps >= self._config.steps or self._enough()
        return not (done or self.stopped)

    @property
    def seconds(self) -> float:
        """Duration of this session [s]."""
        return time.monotonic() - self._start

    def now(self) -> Progress:
        """Give the progress."""
        steps, episodes = self._learner.steps, len(self._record)
        rate = (steps - self._first) / max(self.seconds, 1e-9)
        recent = self._learner.recent
        total, total_episodes = self._config.steps, self._config.episodes
        return Progress(steps, total, rate, *recent, episodes, total_episodes)

    def report(self) -> None:
        """Pass the progress on."""
        self._reported = time.monotonic()
        self._next = following(len(self._record), self._interval)
        if self._on_progress:
            self._on_progress(self.now())
