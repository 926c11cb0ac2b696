# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Means over steps and episodes of a vector environment, of NumPy's arrays or of tensors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from franka_rl_core.safety.base import Verdict
from franka_rl_learning.record import EpisodeRecord


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
    Returns, lengths and successes of episodes whose rewards are tensors.

    :param num_envs: N.
    :param device: where rewards come from.
    """

    def __init__(self, num_envs: int, device: Any) -> None:
        self.record = EpisodeRecord()
        self._returns = torch.zeros(num_envs, device=device)
        self._step = 0
        self._first = torch.zeros(num_envs, device=device, dtype=torch.int64)

    def forget(self) -> None:
        """Drop the episodes that have not ended."""
        self._returns.zero_()
        self._first.fill_(self._step)

    def add(self, reward: Tensor, terminated: Tensor, truncated: Tensor) -> None:
        """Add one step of N worlds; an episode that terminates is a success."""
        self._returns += reward
        self._step += 1
        ended = (terminated | truncated).nonzero().flatten()
        if len(ended):
            parts = (self._returns, self._step - self._first, terminated)
            # One tensor, because each costs a way to the device and back.
            rows = torch.stack([part[ended].double() for part in parts]).cpu().numpy()
            self.record.add(*rows)
            self._returns[ended] = 0.0
            self._first[ended] = self._step
