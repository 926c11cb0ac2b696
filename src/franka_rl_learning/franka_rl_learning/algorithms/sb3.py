# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithms of Stable-Baselines3."""

from __future__ import annotations

import math
import pickle
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from stable_baselines3.her import HerReplayBuffer
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import TD3Policy
from torch import nn

from franka_rl_core.envs.base import KEYS
from franka_rl_core.envs.config import longest_episode
from franka_rl_core.exceptions import RefusedError
from franka_rl_learning.algorithms.base import Algorithm, Learner
from franka_rl_learning.algorithms.config import ReplayConfig
from franka_rl_learning.algorithms.sb3_arguments import (
    action_noise,
    arguments,
    learning_times,
    policy_class,
    with_rates,
)
from franka_rl_learning.export import DeterministicPolicy, Normalizer, export
from franka_rl_learning.vec_env import GymnasiumVecEnv

MODEL, NORMALIZER, BUFFER, RANDOM = 'model.zip', 'normalizer.pkl', 'replay_buffer.pkl', 'random.pkl'
# World steps between two records for TensorBoard.
LOG_INTERVAL = 1_000


class Sb3Learner(Learner):
    """
    One algorithm of Stable-Baselines3; see :class:`Learner`.

    PyTorch is set to one thread in this process: more slow such small networks down, and change
    sums in the last bit.
    """

    def __init__(
        self, algorithm: Algorithm, env: VectorEnv, config: Any, *, seed: int, log: Path
    ) -> None:
        torch.set_num_threads(1)
        self._env = GymnasiumVecEnv(env)
        settings, normalize = arguments(config)
        if isinstance(config, ReplayConfig):
            # Before all worlds have ended an episode, hindsight has nothing.
            least = env.num_envs * longest_episode(env.config)  # type: ignore[attr-defined]
            settings['learning_starts'] = max(config.learning_starts, least)
            settings |= learning_times(config, env)
        normalize['gamma'] = config.gamma
        wanted = normalize['norm_obs'] or normalize['norm_reward']
        self._normalizer = VecNormalize(self._env, **normalize) if wanted else None
        base = getattr(stable_baselines3, algorithm.class_name)
        self._class: type[BaseAlgorithm] = with_rates(base, config)
        self._log = str(log)
        settings |= action_noise(config, self._env.action_space.shape[0])
        self.model: BaseAlgorithm = self._class(
            policy_class(config), self._worlds, seed=seed, device='cpu', **settings
        )
        self.model.set_logger(configure(self._log, ['tensorboard']))

    @property
    def _worlds(self) -> VecEnv:
        return self._normalizer or self._env

    @property
    def steps(self) -> int:
        """See :attr:`Learner.steps`."""
        return self.model.num_timesteps

    @property
    def recent(self) -> tuple[float, float]:
        """See :attr:`Learner.recent`."""
        returns = [episode['r'] for episode in self.model.ep_info_buffer or ()]
        return _mean(returns), _mean(self.model.ep_success_buffer or ())

    def restart(self, seed: int) -> None:
        """See :meth:`Learner.restart`."""
        self._worlds.seed(seed)
        self.model._last_obs = None  # makes the model reset the worlds
        buffer = getattr(self.model, 'replay_buffer', None)
        if isinstance(buffer, HerReplayBuffer):
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # that it truncates, which is what we ask for
                buffer.truncate_last_trajectory()

    def learn(self, until: int, on_step: Callable[[], bool]) -> None:
        """See :meth:`Learner.learn`."""
        self.model.learn(
            until - self.steps,
            callback=_Callback(self._env, on_step),
            log_interval=None,  # type: ignore[arg-type]  # the callback does it
            reset_num_timesteps=False,
        )

    def act(self, observation: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """See :meth:`Learner.act`."""
        if self._normalizer:
            observation = self._normalizer.normalize_obs(observation)  # type: ignore[assignment]
        return self.model.predict(observation, deterministic=True)[0]

    def save(self, folder: Path) -> None:
        """See :meth:`Learner.save`."""
        self.model.save(folder / MODEL)
        if self._normalizer:
            self._normalizer.save(str(folder / NORMALIZER))
        if getattr(self.model, 'replay_buffer', None) is not None:
            self.model.save_replay_buffer(folder / BUFFER)  # type: ignore[attr-defined]
        (folder / RANDOM).write_bytes(pickle.dumps(self._random_state()))

    def load(self, folder: Path) -> None:
        """See :meth:`Learner.load`."""
        if self._normalizer:
            self._normalizer = VecNormalize.load(str(folder / NORMALIZER), self._env)
        self.model = self._class.load(folder / MODEL, env=self._worlds, device='cpu')
        self.model.set_logger(configure(self._log, ['tensorboard']))
        if (folder / BUFFER).exists():
            self.model.load_replay_buffer(folder / BUFFER, truncate_last_traj=False)  # type: ignore[attr-defined]
        self._set_random_state(pickle.loads((folder / RANDOM).read_bytes()))

    def graph(self) -> bytes:
        """See :meth:`Learner.graph`."""
        return export(*policy_module(self.model.policy, self._normalizer))

    def _random_state(self) -> dict[str, Any]:
        return {
            'torch': torch.get_rng_state().numpy(),
            'numpy': np.random.get_state(),  # noqa: NPY002 - what the library draws from
            'python': random.getstate(),
            'action_space': self.model.action_space.np_random.bit_generator.state,
        }

    def _set_random_state(self, state: dict[str, Any]) -> None:
        torch.set_rng_state(torch.from_numpy(state['torch']))
        np.random.set_state(state['numpy'])  # noqa: NPY002
        random.setstate(state['python'])
        self.model.action_space.np_random.bit_generator.state = state['action_space']


LEARNER = Sb3Learner


class _Callback(BaseCallback):
    """Asks whether to go on, and writes records after the update that follows enough steps."""

    def __init__(self, env: GymnasiumVecEnv, on_step: Callable[[], bool]) -> None:
        super().__init__()
        self._env = env
        self._ask = on_step
        self._logged = 0

    def _on_training_start(self) -> None:
        self._logged = self.num_timesteps

    def _on_step(self) -> bool:
        return self._ask()

    def _on_rollout_start(self) -> None:
        if self.model.num_timesteps - self._logged >= LOG_INTERVAL:
            self._record()

    def _on_training_end(self) -> None:
        self._record()

    def _record(self) -> None:
        self._logged = self.model.num_timesteps
        for name, value in self._env.statistics.take().items():
            self.logger.record(name, value)
        self.model.dump_logs()


def policy_module(
    policy: BasePolicy, normalizer: VecNormalize | None
) -> tuple[DeterministicPolicy, int]:
    """
    Take out of a policy what gives its best action.

    :param policy: policy with dictionaries as observations.
    :param normalizer: statistics of the observations it was trained on, if they were normalised.
    :returns: for :func:`export`.
    """
    spaces = policy.observation_space.spaces  # type: ignore[attr-defined]
    sizes = [spaces[key].shape[0] for key in KEYS]
    seen = getattr(policy, 'seen', tuple(spaces))
    head = nn.Sequential(_Reordered(sizes, [KEYS.index(key) for key in seen]), _head(policy))
    if normalizer is None or not normalizer.norm_obs:
        return DeterministicPolicy(head, None), sum(sizes)
    statistics: list[Any] = [normalizer.obs_rms[key] for key in KEYS]  # type: ignore[index]
    mean = np.concatenate([entry.mean for entry in statistics])
    deviation = np.concatenate([np.sqrt(e.var + normalizer.epsilon) for e in statistics])
    scaling = Normalizer(*map(torch.from_numpy, (mean, deviation)), float(normalizer.clip_obs))
    return DeterministicPolicy(head, scaling), sum(sizes)


class _Reordered(nn.Module):
    """Brings the parts of an observation into the order in which the library lays them."""

    def __init__(self, sizes: list[int], order: list[int]) -> None:
        super().__init__()
        self._sizes, self._order = sizes, order

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        parts = torch.split(observation, self._sizes, dim=1)
        return torch.cat([parts[index] for index in self._order], dim=1)


def _head(policy: BasePolicy) -> nn.Module:
    """Give the network from features to the unclipped best action."""
    if isinstance(policy, ActorCriticPolicy):
        return nn.Sequential(policy.mlp_extractor.policy_net, policy.action_net)
    if isinstance(policy, TD3Policy):
        return policy.actor.mu
    if isinstance(policy, SACPolicy):
        return nn.Sequential(policy.actor.latent_pi, policy.actor.mu, nn.Tanh())
    raise RefusedError(f'no export is known for {type(policy).__name__}')


def _mean(values: Any) -> float:
    return float(np.mean(values)) if len(values) else math.nan
