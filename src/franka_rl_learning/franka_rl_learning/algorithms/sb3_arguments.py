# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""From our settings to what the classes of Stable-Baselines3 take."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.noise import (
    ActionNoise,
    NormalActionNoise,
    OrnsteinUhlenbeckActionNoise,
)
from stable_baselines3.common.policies import BasePolicy
from stable_baselines3.her import HerReplayBuffer

from franka_rl_core.envs.config import longest_episode
from franka_rl_core.exceptions import RefusedError
from franka_rl_learning.algorithms.config import DdpgConfig, ReplayConfig, SacConfig

# Settings that are no arguments of an algorithm's class.
_OURS = (
    *('actor_learning_rate', 'learning_rate_half_life', 'network', 'train_freq_unit'),
    *('noise', 'noise_sigma', 'noise_half_life', 'noise_theta', 'noise_dt'),
)


def arguments(config: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Sort the settings into arguments of the algorithm and of the normaliser."""
    values = {k: v for k, v in dataclasses.asdict(config).items() if k not in _OURS}
    activation = {'relu': torch.nn.ReLU, 'tanh': torch.nn.Tanh}[values.pop('activation')]
    policy = {'net_arch': list(values.pop('net_arch')), 'activation_fn': activation}
    if 'log_std_init' in values:
        policy['log_std_init'] = values.pop('log_std_init')
    if isinstance(config, SacConfig):
        values['ent_coef'] = config.ent_coef or 'auto'
    if goals := values.pop('n_sampled_goal', 0):
        values['replay_buffer_class'] = HerReplayBuffer
        values['replay_buffer_kwargs'] = {'n_sampled_goal': goals}
    normalize = {
        'norm_obs': values.pop('normalize_observation', False),
        'norm_reward': values.pop('normalize_reward', False),
    }
    return {**values, 'policy_kwargs': policy}, normalize


def learning_times(config: ReplayConfig, env: Any) -> dict[str, Any]:
    """
    Say when an algorithm with a replay buffer learns, and how much.

    :returns: arguments of the algorithm.
    :raises RefusedError: episodes of several worlds do not end together.
    """
    unit = config.train_freq_unit
    if unit == 'auto':
        unit = 'episode' if env.real_time else 'step'
    if unit == 'step':
        return {}
    if env.num_envs != 1:
        raise RefusedError(f'train_freq_unit: episode needs num_envs = 1, not {env.num_envs}')
    steps = config.gradient_steps
    if steps > 0:
        steps *= config.train_freq * longest_episode(env.config)
    return {'train_freq': (config.train_freq, 'episode'), 'gradient_steps': steps}


def policy_class(config: Any) -> str | type[BasePolicy]:
    """Give the class of the networks, or the name that the library has for it."""
    if getattr(config, 'network', 'mlp') != 'seed':
        return 'MultiInputPolicy'
    from franka_rl_learning.algorithms.seed_networks import SeedPolicy

    return SeedPolicy


def action_noise(config: Any, size: int) -> dict[str, ActionNoise]:
    """
    Make the noise of exploration, for algorithms whose policies have none of their own.

    :param size: of an action.
    :returns: arguments of the algorithm's class.
    """
    if not isinstance(config, DdpgConfig) or config.noise == 'none':
        return {}
    mean, sigma = np.zeros(size), np.full(size, config.noise_sigma)
    noise: ActionNoise = NormalActionNoise(mean, sigma)
    if config.noise == 'ornstein_uhlenbeck':
        noise = OrnsteinUhlenbeckActionNoise(mean, sigma, config.noise_theta, config.noise_dt)
    if config.noise_half_life:
        noise = FadingNoise(noise, config.noise_half_life)
    return {'action_noise': noise}


class FadingNoise(ActionNoise):
    """
    Noise that becomes less: a policy that relies on it must learn to do without.

    :param noise: at first.
    :param half_life: calls after which half of it is left.
    """

    def __init__(self, noise: ActionNoise, half_life: int) -> None:
        super().__init__()
        self._noise, self._half_life, self._calls = noise, half_life, 0

    def __call__(self) -> Any:
        """Give the noise of the next step."""
        self._calls += 1
        return self._noise() * 0.5 ** (self._calls / self._half_life)

    def reset(self) -> None:
        """Begin an episode."""
        self._noise.reset()


def with_rates(cls: type[BaseAlgorithm], config: Any) -> type[BaseAlgorithm]:
    """Give the class, or one with falling step sizes, and the actor's own, which it lacks."""
    actor = getattr(config, 'actor_learning_rate', 0.0)
    half_life = getattr(config, 'learning_rate_half_life', 0)
    if not (actor or half_life):
        return cls

    def update(self: Any, optimizers: Any) -> None:
        cls._update_learning_rate(self, optimizers)
        left = 0.5 ** (self.num_timesteps / half_life) if half_life else 1.0
        rates = [(optimizer, config.learning_rate) for optimizer in optimizers]
        for optimizer, rate in [*rates, (self.actor.optimizer, actor or config.learning_rate)]:
            for group in optimizer.param_groups:
                group['lr'] = left * rate

    return type(cls.__name__, (cls,), {'_update_learning_rate': update})
