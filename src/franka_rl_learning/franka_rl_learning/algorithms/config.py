# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Configurations of the algorithms. Fields that a library has too are named as there."""

from __future__ import annotations

from dataclasses import dataclass

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.settings import setting

ACTIVATIONS = ('relu', 'tanh')
NETWORKS = ('mlp', 'seed')
UNITS = ('auto', 'step', 'episode')
NOISES = ('normal', 'ornstein_uhlenbeck', 'none')


@dataclass(frozen=True)
class NetworkConfig:
    """What every algorithm with a network has."""

    learning_rate: float = setting(1e-3, 'step size of Adam', low=0.0, high=1.0)
    gamma: float = setting(0.95, 'discount of the next reward', low=0.0, high=1.0)
    net_arch: tuple[int, ...] = setting((64, 64), 'widths of the hidden layers')
    activation: str = setting('tanh', 'activation of the hidden layers: relu or tanh')

    def __post_init__(self) -> None:
        """
        Check what bounds cannot say.

        :raises RefusedError: the activation or a width is none.
        """
        if self.activation not in ACTIVATIONS:
            raise UnknownNameError('activation', self.activation, ACTIVATIONS)
        if any(not isinstance(width, int) or width < 1 for width in self.net_arch):
            raise RefusedError(f'net_arch must hold positive integers, not {self.net_arch}')


@dataclass(frozen=True)
class PpoConfig(NetworkConfig):
    """Proximal policy optimisation (Schulman et al. 2017), on normalised observations."""

    batch_size: int = setting(250, 'samples of one gradient step', low=2)
    n_steps: int = setting(125, 'steps of every world between two updates', low=2)
    n_epochs: int = setting(10, 'passes over the samples of an update', low=1)
    gae_lambda: float = setting(0.95, 'weight of long returns in the advantage', low=0.0, high=1.0)
    clip_range: float = setting(0.2, 'largest change of the action probability ratio', low=0.0)
    ent_coef: float = setting(0.0, 'weight of the entropy bonus', low=0.0)
    vf_coef: float = setting(0.5, 'weight of the value loss', low=0.0)
    max_grad_norm: float = setting(0.5, 'largest norm of the gradient', low=0.0)
    log_std_init: float = setting(-0.5, 'logarithm of the first standard deviation of actions')
    normalize_observation: bool = setting(True, 'observations to mean 0 and variance 1')
    normalize_reward: bool = setting(False, 'rewards by the deviation of the return')


@dataclass(frozen=True)
class ReplayConfig(NetworkConfig):
    """
    What algorithms have that learn from a replay buffer, with hindsight experience replay.

    Andrychowicz et al. 2017.
    """

    batch_size: int = setting(250, 'samples of one gradient step', low=2)
    activation: str = setting('relu', 'activation of the hidden layers: relu or tanh')
    buffer_size: int = setting(100_000, 'transitions that are kept', low=1)
    learning_starts: int = setting(
        1_000, 'random world steps before learning; at least one episode of every world', low=0
    )
    train_freq: int = setting(1, 'steps of every world between two updates', low=1)
    train_freq_unit: str = setting(
        'auto',
        'what train_freq counts: step, episode (of one world), or auto: episode where an arm moves '
        'in real time, since learning would take of its control period',
    )
    gradient_steps: int = setting(
        4,
        'gradient steps of an update, after episodes for each step that they may take; -1 for one '
        'per world step',
        low=-1,
    )
    learning_rate_half_life: int = setting(
        0, 'world steps in which the step size is halved; 0 for never', low=0
    )
    tau: float = setting(0.05, 'share of the target networks that is renewed', low=0.0, high=1.0)
    n_sampled_goal: int = setting(4, 'goals in hindsight per real one; 0 for none', low=0)

    def __post_init__(self) -> None:
        """
        Check what bounds cannot say.

        :raises RefusedError: the unit is none.
        """
        super().__post_init__()
        if self.train_freq_unit not in UNITS:
            raise UnknownNameError('train_freq_unit', self.train_freq_unit, UNITS)


@dataclass(frozen=True)
class SacConfig(ReplayConfig):
    """Soft actor-critic (Haarnoja et al. 2018)."""

    ent_coef: float = setting(0.0, 'weight of the entropy; 0 to learn it', low=0.0)


@dataclass(frozen=True)
class DdpgConfig(ReplayConfig):
    """Deep deterministic policy gradients (Lillicrap et al. 2016)."""

    actor_learning_rate: float = setting(
        0.0, "the actor's own step size of Adam; 0 for learning_rate", low=0.0, high=1.0
    )
    network: str = setting('mlp', 'networks: ' + ' or '.join(NETWORKS))
    noise: str = setting('normal', 'noise of exploration: ' + ' or '.join(NOISES))
    noise_sigma: float = setting(0.1, 'standard deviation of the noise', low=0.0)
    noise_half_life: int = setting(
        0, 'steps of a world in which the noise is halved; 0 for never', low=0
    )
    noise_theta: float = setting(0.2, 'pull of the Ornstein-Uhlenbeck noise to 0', low=0.0)
    noise_dt: float = setting(0.01, 'its time step', low=1e-6)

    def __post_init__(self) -> None:
        """
        Check what bounds cannot say.

        :raises RefusedError: a name is unknown.
        """
        super().__post_init__()
        for kind, name, known in (
            ('network', self.network, NETWORKS),
            ('noise', self.noise, NOISES),
        ):
            if name not in known:
                raise UnknownNameError(kind, name, known)


@dataclass(frozen=True)
class Td3Config(DdpgConfig):
    """Twin delayed DDPG (Fujimoto et al. 2018)."""

    policy_delay: int = setting(2, 'gradient steps of the critics per one of the actor', low=1)
    target_policy_noise: float = setting(
        0.2, 'standard deviation of the noise in the targets', low=0.0
    )
    target_noise_clip: float = setting(0.5, 'largest noise in the targets', low=0.0)


@dataclass(frozen=True)
class LargeBatchPpoConfig(PpoConfig):
    """:class:`PpoConfig` for thousands of worlds."""

    learning_rate: float = setting(3e-3, 'step size of Adam', low=0.0, high=1.0)
    batch_size: int = setting(4096, 'samples of one gradient step', low=2)
    n_steps: int = setting(16, 'steps of every world between two updates', low=2)
    n_epochs: int = setting(4, 'passes over the samples of an update', low=1)


@dataclass(frozen=True)
class ApgConfig(NetworkConfig):
    """Analytic policy gradients: short-horizon backpropagation through the worlds."""

    learning_rate: float = setting(1e-2, 'first step size of Adam', low=0.0, high=1.0)
    half_life: float = setting(
        1.6, 'lengths of an episode in which the step size is halved', low=1e-3
    )
    noise: float = setting(
        0.0,
        'standard deviation of what is added to actions; falls as the step size does',
        low=0.0,
    )
    bound_weight: float = setting(
        0.0,
        'weight of the square of what actions ask beyond [-1, 1], where gradients end',
        low=0.0,
    )
    gamma: float = setting(1.0, 'discount of the next reward', low=0.0, high=1.0)
    horizon: int = setting(4, 'steps that a gradient goes back', low=1)
    max_grad_norm: float = setting(1.0, 'largest norm of the gradient', low=0.0)
