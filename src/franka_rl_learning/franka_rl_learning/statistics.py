# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Means over the steps of a vector environment, for TensorBoard."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from franka_rl_core.safety.base import Verdict


class StepStatistics:
    """
    Sums up reward terms and safety verdicts.

    Its names are ``reward/<term>`` (raw, without weight), ``safety/clipped`` and ``safety/held``
    (shares of the commands).
    """

    def __init__(self) -> None:
        self._sums: defaultdict[str, float] = defaultdict(float)
        self._steps = 0

    def add(self, infos: dict[str, Any]) -> None:
        """Add one step of N worlds, by the infos of :class:`FrankaVectorEnv`, as far as they go."""
        for name, values in infos.get('reward_terms', {}).items():
            self._sums[f'reward/{name}'] += float(np.mean(values))
        if 'verdict' in infos:
            verdict = np.asarray(infos['verdict'])
            self._sums['safety/clipped'] += float(np.mean(verdict == Verdict.CLIPPED))
            self._sums['safety/held'] += float(np.mean(verdict == Verdict.HELD))
        self._steps += 1

    def take(self) -> dict[str, float]:
        """Give the means since the last call."""
        means = {name: total / self._steps for name, total in self._sums.items()}
        self.__init__()  # type: ignore[misc]
        return means
