# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The algorithms that exist: one row each, for every library that has its adapter beside this."""

from __future__ import annotations

from franka_rl_core.exceptions import UnknownNameError
from franka_rl_learning.algorithms.base import Algorithm
from franka_rl_learning.algorithms.config import PpoConfig, SacConfig

_ROWS = (
    Algorithm('ppo', 'sb3', 'PPO', PpoConfig),
    Algorithm('sac', 'sb3', 'SAC', SacConfig),
)


def available_algorithms() -> tuple[str, ...]:
    """List the names of the algorithms, without importing their libraries."""
    return tuple(sorted(row.name for row in _ROWS))


def find_algorithm(name: str) -> Algorithm:
    """
    Look up an algorithm.

    :raises UnknownNameError: there is none of this name; the message lists those that are.
    """
    for row in _ROWS:
        if row.name == name:
            return row
    raise UnknownNameError('algorithm', name, available_algorithms())
