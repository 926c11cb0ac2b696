# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What can be said of a training while it runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from franka_rl_learning.algorithms.base import Learner

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

    def summary(self) -> str:
        """Give return and success rate in a few words."""
        if math.isnan(self.episode_return):
            return 'no episode yet'
        return f'return {self.episode_return:.2f}, success {self.success_rate:.2f}'


class Watch:
    """
    Is asked after every step whether to go on, and reports from time to time.

    :param learner: what is watched.
    :param total: world steps in all.
    :param on_progress: called with every report.
    :param should_stop: asked after every step.
    """

    def __init__(
        self,
        learner: Learner,
        total: int,
        on_progress: Callable[[Progress], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        self._learner, self._total = learner, total
        self._on_progress, self._should_stop = on_progress, should_stop
        self._first = learner.steps
        self._start = self._reported = time.monotonic()
        self.stopped = False

    def __call__(self) -> bool:
        """Give False to stop; report if it is time to."""
        if time.monotonic() - self._reported >= INTERVAL_S:
            self.report()
        return self.go_on()

    def go_on(self) -> bool:
        """Give False to stop."""
        self.stopped = bool(self._should_stop and self._should_stop())
        return not self.stopped

    @property
    def seconds(self) -> float:
        """Duration of this session [s]."""
        return time.monotonic() - self._start

    def now(self) -> Progress:
        """Give the progress."""
        steps = self._learner.steps
        rate = (steps - self._first) / max(self.seconds, 1e-9)
        return Progress(steps, self._total, rate, *self._learner.recent)

    def report(self) -> None:
        """Pass the progress on."""
        self._reported = time.monotonic()
        if self._on_progress:
            self._on_progress(self.now())


class ProgressBar:
    """
    A line on standard error; pass it as ``on_progress``, and use it in a ``with`` statement.

    :param show: None for only where standard error is a terminal.
    """

    def __init__(self, show: bool | None = None) -> None:
        self._disable = None if show is None else not show
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        """Show nothing until the first report."""
        return self

    def __call__(self, progress: Progress) -> None:
        """Show a report."""
        if self._bar is None:
            from tqdm import tqdm

            self._bar = tqdm(
                total=progress.total,
                initial=progress.steps,
                unit='step',
                unit_scale=True,
                dynamic_ncols=True,
                disable=self._disable,
            )
        self._bar.total = max(progress.total, progress.steps)
        self._bar.set_postfix_str(progress.summary(), refresh=False)
        self._bar.update(progress.steps - self._bar.n)
        if progress.steps >= progress.total:
            self._bar.close()  # now, because the rate counts the time until then

    def __exit__(self, *_: object) -> None:
        """End the line."""
        if self._bar is not None:
            self._bar.close()
