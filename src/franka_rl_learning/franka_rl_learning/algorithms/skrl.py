# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithms of skrl, for thousands of worlds whose data stay in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from torch import Tensor, nn

from franka_rl_learning.algorithms.base import Algorithm
from franka_rl_learning.algorithms.config import PpoConfig
from franka_rl_learning.algorithms.torch_learner import TorchLearner


class SkrlLearner(TorchLearner):
    """skrl's PPO; see :class:`Learner`."""

    def __init__(
        self, algorithm: Algorithm, env: VectorEnv, config: PpoConfig, *, seed: int, log: Path
    ) -> None:
        super().__init__(algorithm, env, config, seed=seed, log=log)
        self._value = self.network(1)
        worlds, samples = self.env.num_envs, config.n_steps * self.env.num_envs
        box = spaces.Box(-float('inf'), float('inf'), (self.env.observation_size,))
        action_box = spaces.Box(-1.0, 1.0, (self.env.action_size,))
        shapes = {'observation_space': box, 'action_space': action_box, 'device': self.env.device}
        models = {
            'policy': _Policy(self.policy, config.log_std_init, shapes),
            'value': _Value(self._value, shapes),
        }
        self.agent = PPO(
            models=models,
            memory=RandomMemory(
                memory_size=config.n_steps, num_envs=worlds, device=self.env.device
            ),
            cfg=self._settings(max(1, round(samples / config.batch_size))),
            **shapes,
        )
        self.agent.init()
        self.agent.enable_training_mode(True)

    def update(self, on_step: Callable[[], bool]) -> bool:
        """See :meth:`TorchLearner.update`."""
        observation = self._observation
        assert observation is not None
        for _ in range(self.config.n_steps):
            with torch.no_grad():
                action, _ = self.agent.act(observation, None, timestep=0, timesteps=0)
                result = self.env.step(action)
            self.agent.record_transition(
                observations=observation,
                states=None,
                actions=action,
                rewards=result.reward[:, None].clone(),  # skrl changes it
                next_observations=result.final_observation,
                next_states=None,
                terminated=result.terminated[:, None],
                truncated=result.truncated[:, None],
                infos={},
                timestep=0,
                timesteps=0,
            )
            self._observation = observation = result.observation
            self._steps += self.env.num_envs
            if not on_step():
                return False
            self.agent.post_interaction(timestep=0, timesteps=0)
        return True

    def losses(self) -> dict[str, float]:
        """See :meth:`TorchLearner.losses`."""
        tracked = self.agent.tracking_data
        means = {f'train/{name}': float(values[-1]) for name, values in tracked.items()}
        tracked.clear()
        return means

    def restart(self, seed: int) -> None:
        """See :meth:`TorchLearner.restart`; a rollout that was interrupted is dropped."""
        super().restart(seed)
        self.agent._rollout = 0
        self.agent.memory.reset()

    def modules(self) -> dict[str, Any]:
        """See :meth:`TorchLearner.modules`."""
        models = self.agent.models
        return {
            'policy': models['policy'],
            'value': models['value'],
            'scaler': self.scaler,
            'optimizer': self.agent.optimizer,
        }

    def _settings(self, mini_batches: int) -> PPO_CFG:
        config = self.config
        return PPO_CFG(
            rollouts=config.n_steps,
            learning_epochs=config.n_epochs,
            mini_batches=mini_batches,
            discount_factor=config.gamma,
            gae_lambda=config.gae_lambda,
            learning_rate=config.learning_rate,
            grad_norm_clip=config.max_grad_norm,
            ratio_clip=config.clip_range,
            value_clip=0.0,
            entropy_loss_scale=config.ent_coef,
            value_loss_scale=config.vf_coef,
            time_limit_bootstrap=True,
            observation_preprocessor=lambda: self.scaler,  # skrl trains it
            experiment={'write_interval': 0, 'checkpoint_interval': 0},
        )


LEARNER = SkrlLearner


class _Policy(GaussianMixin, Model):
    """Normal distribution around what the network gives, of one deviation everywhere."""

    def __init__(self, network: nn.Module, log_std: float, shapes: dict[str, Any]) -> None:
        Model.__init__(self, **shapes)
        GaussianMixin.__init__(self, role='policy')
        self.network = network
        self.log_std = nn.Parameter(torch.full((self.num_actions,), log_std, device=self.device))

    def compute(self, inputs: dict[str, Tensor], role: str) -> tuple[Tensor, dict[str, Any]]:
        """Give mean and logarithm of the deviation."""
        return self.network(inputs['observations']), {'log_std': self.log_std}


class _Value(DeterministicMixin, Model):
    def __init__(self, network: nn.Module, shapes: dict[str, Any]) -> None:
        Model.__init__(self, **shapes)
        DeterministicMixin.__init__(self, role='value')
        self.network = network

    def compute(self, inputs: dict[str, Tensor], role: str) -> tuple[Tensor, dict[str, Any]]:
        """Give the value."""
        return self.network(inputs['observations']), {}
