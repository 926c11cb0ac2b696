# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Environments with known answers, and short runs, for the tests of this package."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import BackendLostError
from franka_rl_learning.algorithms.base import Learner
from franka_rl_learning.algorithms.table import find_algorithm
from franka_rl_learning.config import TrainConfig
from franka_rl_learning.training import TrainResult, train

#: Every algorithm of every library: its name, and a backend on which it is found.
ROWS = (('apg', 'kinematic'), ('ppo', 'kinematic'), ('ppo', 'mock'), ('sac', 'mock'))
#: Small and quick settings, by algorithm.
QUICK: dict[str, dict[str, Any]] = {
    'apg': {'net_arch': (16, 16)},
    'ppo': {'n_steps': 32, 'batch_size': 64, 'n_epochs': 4},
    'sac': {'batch_size': 32, 'learning_starts': 100, 'gradient_steps': 1, 'buffer_size': 5_000},
}


class IdentityEnv(VectorEnv):
    """
    Name the goal: the best action is the desired goal, the reward minus the distance to it.

    Episodes have :attr:`LENGTH` steps and are cut off, never ended.
    """

    LENGTH = 5
    real_time = False

    def __init__(self, num_envs: int = 4, backend: str = 'mock') -> None:
        self.num_envs = num_envs
        self.metadata = {'autoreset_mode': AutoresetMode.SAME_STEP}
        box = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.single_action_space = box
        self.single_observation_space = spaces.Dict(
            dict.fromkeys(('observation', 'achieved_goal', 'desired_goal'), box)
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(box, num_envs)
        self.config = EnvConfig(backend=backend, num_envs=num_envs)
        self._rng = np.random.default_rng()

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        if seed is not None:
            self._rng = np.random.default_rng(seed)
        self._goal = self._sample()
        self._achieved = np.zeros_like(self._goal)
        self._elapsed = 0
        return self._observation(), {}

    def step(self, actions: Any) -> Any:
        self._achieved = np.asarray(actions, np.float32)
        self._elapsed += 1
        reward = self.compute_reward(self._achieved, self._goal, None)
        observation = final = self._observation()
        over = np.full(self.num_envs, self._elapsed >= self.LENGTH)
        infos = {
            'is_success': reward > -0.1,
            'reward_terms': {'distance': -reward},
            'verdict': np.zeros(self.num_envs, np.int64),
            'final_obs': final,
            '_final_obs': over,
        }
        if over[0]:
            observation, _ = self.reset()
        return observation, reward, np.zeros(self.num_envs, bool), over, infos

    def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
        return -np.linalg.norm(np.asarray(achieved) - np.asarray(desired), axis=-1)

    def _sample(self) -> Any:
        return self._rng.uniform(-0.8, 0.8, (self.num_envs, 2)).astype(np.float32)

    def _observation(self) -> dict[str, Any]:
        rest = np.full((self.num_envs, 2), 0.01 * self._elapsed, np.float32)
        return {'observation': rest, 'achieved_goal': self._achieved, 'desired_goal': self._goal}


class FailingEnv(FrankaVectorEnv):
    """A small environment whose backend is lost after some steps of the worlds."""

    def __init__(self, steps: int, backend: str = 'mock') -> None:
        super().__init__(backend=backend, num_envs=4)
        self._left, self._step = steps, self.backend.step
        self.backend.step = self._failing  # type: ignore[method-assign]

    def _failing(self, target: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise BackendLostError('the simulator does not answer')
        return self._step(target)


def small_env(**settings: Any) -> FrankaVectorEnv:
    """Make four perfect arms."""
    return FrankaVectorEnv(**{'backend': 'mock', 'num_envs': 4, **settings})


def make_learner(name: str, env: VectorEnv, log: Path, seed: int = 0, **options: Any) -> Learner:
    """Make a learner of a :class:`FrankaVectorEnv` or of one with the same interface."""
    algorithm = find_algorithm(name, env.config.backend)  # type: ignore[attr-defined]
    return algorithm.learner(env, algorithm.config(**options), seed=seed, log=log)


def quick(out: Path, algorithm: str = 'ppo', **changes: Any) -> TrainConfig:
    """Configure a short run without evaluation."""
    options = {**QUICK[algorithm], **changes.pop('options', {})}
    config = TrainConfig(
        algorithm=algorithm,
        algorithm_options=options,
        steps=512,
        out=str(out),
        checkpoint_interval=256,
        evaluation_episodes=0,
        plot=False,
    )
    return dataclasses.replace(config, **changes)


def run(
    out: Path,
    algorithm: str = 'ppo',
    env: Callable[..., VectorEnv] = small_env,
    backend: str = 'mock',
    **changes: Any,
) -> TrainResult:
    """Train shortly in a new environment."""
    worlds = env(backend=backend)
    try:
        return train(worlds, quick(out, algorithm, **changes))
    finally:
        worlds.close()


def graph(out: Path) -> bytes:
    """Give the exported network of a run; equal weights and statistics give equal bytes."""
    return (out / 'policy' / 'policy.onnx').read_bytes()
