# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Means over steps and episodes of a vector environment, of NumPy's arrays or of tensors."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from franka_rl_core.safety.base import Verdict

# Episodes that a mean is taken over.
RECENT = 100


class StepStatistics:
    """
    Sums up reward terms and safety verdicts.

    Its names are ``reward/<term>`` (raw, without weight), ``safety/clipped`` and ``safety/held``
    (shares of the commands).
    """

    def __init__(self) -> None:
        self._sums: defaultdict[str, Any] = defaultdict(float)
        self._steps = 0

    def add(self, reward_terms: Mapping[str, Any], verdict: Any) -> None:
        """
        Add one step of N worlds.

        :param reward_terms: raw terms, each (N,).
        :param verdict: (N,) of Verdict.
        """
        # Sums of tensors stay tensors: to read one means to wait for its device.
        for name, values in reward_terms.items():
            values = values.detach() if isinstance(values, Tensor) else values
            self._sums[f'reward/{name}'] += values.sum() / len(values)
        for name, kind in (('clipped', Verdict.CLIPPED), ('held', Verdict.HELD)):
            self._sums[f'safety/{name}'] += (verdict == int(kind)).sum() / len(verdict)
        self._steps += 1

    def take(self) -> dict[str, float]:
        """Give the means since the last call."""
        means = {name: float(total) / self._steps for name, total in self._sums.items()}
        self.__init__()  # type: ignore[misc]
        return means


class EpisodeStatistics:
    """
    Returns and successes of the newest episodes.

    :param num_envs: N.
    :param device: where rewards come from.
    """

    def __init__(self, num_envs: int, device: Any) -> None:
        self._returns = torch.zeros(num_envs, device=device)
        # (episodes, sum of returns, successes) of the steps in which episodes ended
        self._ended: deque[tuple[int, float, float]] = deque(maxlen=RECENT)

    def forget(self) -> None:
        """Drop the episodes that have not ended."""
        self._returns.zero_()

    def add(self, reward: Tensor, terminated: Tensor, truncated: Tensor) -> None:
        """Add one step of N worlds; an episode that terminates is a success."""
        self._returns += reward
        ended = terminated | truncated
        if count := int(ended.sum()):
            total = float((self._returns * ended).sum())
            self._ended.append((count, total, float(terminated.sum())))
            self._returns[ended] = 0.0

    @property
    def recent(self) -> tuple[float, float]:
        """Mean return and success rate of the last 100 episodes or more; NaN before the first."""
        episodes, returns, successes = 0, 0.0, 0.0
        for count, total, good in reversed(self._ended):
            episodes, returns, successes = episodes + count, returns + total, successes + good
            if episodes >= RECENT:
                break
        return (returns / episodes, successes / episodes) if episodes else (float('nan'),) * 2
