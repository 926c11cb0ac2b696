# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Any vector environment of the suite, with tensors instead of NumPy's arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from torch import Tensor

from franka_rl_core import registry
from franka_rl_core.envs.base import KEYS
from franka_rl_core.envs.worlds import Worlds
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.torch_arrays import TorchArrays
from franka_rl_learning.statistics import EpisodeStatistics, StepStatistics


class Step(NamedTuple):
    """What came of one step of N worlds."""

    observation: Tensor  # (N, D + G + G), after the restart of the episodes that ended
    reward: Tensor  # (N,)
    terminated: Tensor  # (N,) of bool
    truncated: Tensor  # (N,) of bool
    final_observation: Tensor  # (N, D + G + G), before the restart


class TensorEnv:
    """
    Steps the worlds of an environment.

    If they live in PyTorch, nothing is copied and gradients flow as :class:`Worlds` says.

    :param env: resets in the step that ends an episode.
    :raises RefusedError: it does not.
    """

    def __init__(self, env: VectorEnv) -> None:
        mode = env.metadata.get('autoreset_mode')
        if mode != AutoresetMode.SAME_STEP:
            raise RefusedError(f'learning needs an environment with SAME_STEP resets, not {mode}')
        self._env: Any = env
        self.worlds = _tensor_worlds(env)
        self.device = self.worlds.arrays.device if self.worlds else torch.device('cpu')
        self.num_envs = env.num_envs
        spaces = env.single_observation_space.spaces  # type: ignore[attr-defined]
        self.observation_size = sum(spaces[key].shape[0] for key in KEYS)
        self.action_size = int(env.single_action_space.shape[0])  # type: ignore[index]
        task = registry.find('tasks', env.config.task)  # type: ignore[attr-defined]
        #: length of an episode
        self.episode_steps: int = task.max_episode_steps
        self.steps = StepStatistics()
        self.episodes = EpisodeStatistics(self.num_envs, self.device)

    def reset(self, seed: int | None) -> Tensor:
        """Start new episodes: (N, D + G + G)."""
        self.episodes.forget()
        if self.worlds:
            return _flat(self.worlds.reset(seed))
        return self._flat(self._env.reset(seed=seed)[0])

    def spread(self) -> None:
        """Let the running episodes end at different times, where worlds are in this process."""
        if self.worlds:
            self.worlds.spread(torch.randint(0, self.episode_steps, (self.num_envs,)).tolist())

    def step(self, actions: Tensor) -> Step:
        """Act for one control period, by (N, K) actions."""
        step, terms, verdict = (self._step_tensors if self.worlds else self._step_arrays)(actions)
        self.steps.add(terms, verdict)
        self.episodes.add(step.reward.detach(), step.terminated, step.truncated)
        return step

    def _step_tensors(self, actions: Tensor) -> tuple[Step, Mapping[str, Any], Any]:
        assert self.worlds is not None
        outcome = self.worlds.step(actions)
        observation = final = _flat(outcome.observation)
        if outcome.final_observation is not outcome.observation:
            final = _flat(outcome.final_observation)
        step = Step(observation, outcome.reward, outcome.terminated, outcome.truncated, final)
        return step, outcome.reward_terms, outcome.verdict

    def _step_arrays(self, actions: Tensor) -> tuple[Step, Mapping[str, Any], Any]:
        observation, reward, terminated, truncated, infos = self._env.step(actions.cpu().numpy())
        ended = [torch.from_numpy(flags) for flags in (terminated, truncated)]
        flat, final = self._flat(observation), self._flat(infos['final_obs'])
        step = Step(flat, torch.from_numpy(reward).float(), *ended, final)
        return step, infos['reward_terms'], infos['verdict']

    def _flat(self, observation: dict[str, Any]) -> Tensor:
        return torch.cat([torch.from_numpy(observation[key]) for key in KEYS], dim=1)


def _flat(observation: dict[str, Tensor]) -> Tensor:
    # Each component lies in a row in memory.
    return torch.cat([observation[key].T for key in KEYS]).T


def _tensor_worlds(env: Any) -> Worlds | None:
    worlds = getattr(env, 'worlds', None)
    return worlds if worlds is not None and isinstance(worlds.arrays, TorchArrays) else None
