# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Gymnasium ids, one per task."""

from __future__ import annotations

import gymnasium

from franka_rl_core import registry

NAMESPACE = 'Franka'


def env_id(task: str) -> str:
    """Give the Gymnasium id of a task: ``reach`` → ``FrankaReach-v0``."""
    return NAMESPACE + ''.join(word.capitalize() for word in task.split('_')) + '-v0'


def register_envs() -> tuple[str, ...]:
    """
    Register every task with Gymnasium.

    ``gymnasium.make(id, robot=…, backend=…, control=…, reward=…)`` makes a :class:`FrankaEnv`,
    ``gymnasium.make_vec(id, num_envs=…, vectorization_mode='vector_entry_point', …)`` a
    :class:`FrankaVectorEnv`.

    :returns: the ids.
    """
    ids = []
    for task in registry.available('tasks'):
        ids.append(env_id(task))
        if ids[-1] not in gymnasium.registry:
            gymnasium.register(
                ids[-1],
                entry_point='franka_rl_core.envs.single:FrankaEnv',
                vector_entry_point='franka_rl_core.envs.vector:FrankaVectorEnv',
                kwargs={'task': task},
            )
    return tuple(ids)
