# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The algorithms that exist: one row each, for every library that has its adapter beside this."""

from __future__ import annotations

from franka_rl_core import registry
from franka_rl_core.backends.base import BATCHED, ROBOT
from franka_rl_core.exceptions import UnknownNameError
from franka_rl_learning.algorithms.base import Algorithm, Defaults
from franka_rl_learning.algorithms.config import (
    ApgConfig,
    DdpgConfig,
    LargeBatchPpoConfig,
    PpoConfig,
    SacConfig,
    Td3Config,
)

# steps, steps of each world, worlds, episodes of the evaluation, steps between two checkpoints
_FEW = Defaults(60_000, 0, 8, 100, 10_000)
_PPO = Defaults(320_000, 160, 1_024, 1_000, 200_000)
_APG = Defaults(50_000, 190, 256, 1_000, 50_000)

# Of several rows with a name, the first is for simulators that step few worlds, the last for those
# that step thousands.
_ROWS = (
    Algorithm('ppo', 'sb3', 'PPO', PpoConfig, _FEW),
    Algorithm('ppo', 'skrl', 'PPO', LargeBatchPpoConfig, _PPO),
    Algorithm('sac', 'sb3', 'SAC', SacConfig, _FEW),
    Algorithm('ddpg', 'sb3', 'DDPG', DdpgConfig, _FEW),
    Algorithm('td3', 'sb3', 'TD3', Td3Config, _FEW),
    Algorithm('apg', 'apg', 'ApgLearner', ApgConfig, _APG, needs_gradients=True),
)


def available_algorithms() -> tuple[str, ...]:
    """List the names of the algorithms, without importing their libraries."""
    return tuple(sorted({row.name for row in _ROWS}))


def find_algorithm(name: str, backend: str) -> Algorithm:
    """
    Look up an algorithm.

    :param backend: name of the backend it is to learn on, or :data:`ROBOT`, which has one world.
    :raises UnknownNameError: there is none of this name; the message lists those that are.
    """
    rows = [row for row in _ROWS if row.name == name]
    if not rows:
        raise UnknownNameError('algorithm', name, available_algorithms())
    if len(rows) == 1 or backend == ROBOT:
        return rows[0]
    many = BATCHED in registry.find('backends', backend).capabilities
    return rows[-1 if many else 0]
