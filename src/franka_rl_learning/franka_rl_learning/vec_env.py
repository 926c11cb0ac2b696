# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Gymnasium's vector environments as those of Stable-Baselines3."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from franka_rl_core.exceptions import RefusedError
from franka_rl_learning.record import EpisodeRecord
from franka_rl_learning.statistics import StepStatistics

Observation = dict[str, NDArray[np.float32]]


class GymnasiumVecEnv(VecEnv):
    """
    The vector environment under the interface of Stable-Baselines3.

    Of an episode that ends, the info holds ``terminal_observation`` (before the automatic reset),
    ``TimeLimit.truncated`` (its value is to be bootstrapped), ``is_success`` and ``episode``
    (return and length).

    :param env: resets in the step that ends an episode; has dictionaries as observations.
    :raises RefusedError: the environment resets otherwise.
    """

    def __init__(self, env: VectorEnv) -> None:
        mode = env.metadata.get('autoreset_mode')
        if mode != AutoresetMode.SAME_STEP:
            raise RefusedError(f'learning needs an environment with SAME_STEP resets, not {mode}')
        self.env = env
        self.statistics = StepStatistics()
        self.episodes = EpisodeRecord()
        self._actions: NDArray[np.float32] = np.zeros(0, np.float32)
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, np.int64)
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    def reset(self) -> Observation:
        """Start new episodes; a seed that was given since the last reset is that of all worlds."""
        observation: Observation = self.env.reset(seed=self._seeds[0])[0]
        self._reset_seeds()
        self._returns[:] = self._lengths[:] = 0
        return observation

    def step_async(self, actions: NDArray[np.float32]) -> None:
        """Keep the actions for :meth:`step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[Observation, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Step the worlds."""
        observation, reward, terminated, truncated, infos = self.env.step(self._actions)
        done = terminated | truncated
        self.statistics.add(infos.get('reward_terms', {}), infos['verdict'])
        self._returns += reward
        self._lengths += 1
        endings: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        for world in np.flatnonzero(done):
            endings[world] = self._ending(world, infos)
            endings[world]['TimeLimit.truncated'] = bool(truncated[world] and not terminated[world])
        if done.any():
            ended = (self._returns[done], self._lengths[done], infos['is_success'][done])
            self.episodes.add(*ended)
            self._returns[done] = self._lengths[done] = 0
        return observation, np.asarray(reward, np.float32), done, endings

    def _ending(self, world: Any, infos: dict[str, Any]) -> dict[str, Any]:
        return {
            'terminal_observation': {
                key: value[world] for key, value in infos['final_obs'].items()
            },
            'is_success': bool(infos['is_success'][world]),
            'episode': {'r': float(self._returns[world]), 'l': int(self._lengths[world])},
        }

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the vector environment, for hindsight ``compute_reward``."""
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """Give an attribute of the vector environment, once per world."""
        value = getattr(self.env, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Set an attribute of the vector environment."""
        setattr(self.env, attr_name, value)

    def env_is_wrapped(
        self, wrapper_class: type[Any], indices: int | Iterable[int] | None = None
    ) -> list[bool]:
        """Answer that no single world is wrapped."""
        return [False for _ in self._get_indices(indices)]

    def close(self) -> None:
        """Do nothing: the environment belongs to who made it."""
