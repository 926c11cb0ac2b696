# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Worlds of the kinematic backend, actions that drive them, and how results are compared."""

import numpy as np
import torch

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.envs.worlds import Worlds


def make_env(num_envs=1, dtype='float32', **settings):
    options = {'dtype': dtype} if settings.setdefault('backend', 'kinematic') == 'kinematic' else {}
    return FrankaVectorEnv(num_envs=num_envs, backend_options=options, **settings)


def make_worlds(num_envs, dtype='float32', autoreset=True, seed=0, **settings):
    settings |= {'backend': 'kinematic', 'backend_options': {'dtype': dtype}}
    worlds = Worlds(EnvConfig(num_envs=num_envs, **settings), autoreset=autoreset)
    worlds.reset(seed)
    return worlds


def drive(shape, steps, seed=0):
    """
    Return (steps, N, K) actions.

    World 0 hardly moves, every other is driven somewhere; a few are not finite.
    """
    rng = np.random.default_rng(seed)
    actions = rng.uniform(-1.0, 1.0, (steps, *shape)) + rng.uniform(-0.8, 0.8, shape)
    actions[:, 0] *= 0.01
    actions[7::10, 1] = np.nan
    actions[8::10, 2, 0] = np.inf
    return actions


def same(given, expected, error=0.0):
    """Check nested results against each other, to the bit unless an error is given."""
    torch.testing.assert_close(given, expected, rtol=0.0, atol=error)
