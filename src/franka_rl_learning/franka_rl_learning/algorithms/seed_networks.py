# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
The networks of IKPY-based-RL-ENV's DDPG (KelvinYang0320, 2021), for ``network: seed``.

They see the seed's state, ten numbers: the goal and the joints, and not where the tool is. Two
layers of 400 with layer normalisation; the critic adds the action, through a layer of its own,
before the last one. Weights begin uniform within ±1/√(units of the layer), those of the last
layers within ±0.003.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.td3.policies import Actor, TD3Policy
from torch import Tensor, nn

WIDTH = 400
LAST = 0.003
# What the state is made of.
SEEN = ('desired_goal', 'observation')


class _SeedState(BaseFeaturesExtractor):
    """Lays the goal and the joints side by side."""

    def __init__(self, observation_space: spaces.Dict) -> None:
        sizes = [observation_space.spaces[key].shape[0] for key in SEEN]  # type: ignore[index]
        super().__init__(observation_space, sum(sizes))

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        return torch.cat([observations[key] for key in SEEN], dim=1)


def _linear(inputs: int, outputs: int, bound: float | None = None) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    bound = bound or 1.0 / math.sqrt(outputs)
    nn.init.uniform_(layer.weight, -bound, bound)
    nn.init.uniform_(layer.bias, -bound, bound)
    return layer


def _hidden(inputs: int) -> list[nn.Module]:
    return [_linear(inputs, WIDTH), nn.LayerNorm(WIDTH)]


class _Critic(nn.Module):
    """The value of an action in a state; takes both side by side."""

    def __init__(self, features: int, action: int) -> None:
        super().__init__()
        self._sizes = [features, action]
        self.state = nn.Sequential(*_hidden(features), nn.ReLU(), *_hidden(WIDTH))
        self.action = nn.Sequential(_linear(action, WIDTH), nn.ReLU())
        self.value = nn.Sequential(nn.ReLU(), _linear(WIDTH, 1, LAST))

    def forward(self, state_and_action: Tensor) -> Tensor:
        state, action = torch.split(state_and_action, self._sizes, dim=1)
        value: Tensor = self.value(self.state(state) + self.action(action))
        return value


class SeedPolicy(TD3Policy):
    """Actor and critics as above, in the frame of Stable-Baselines3."""

    #: Parts of the observation that the networks see, in order.
    seen = SEEN

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs['features_extractor_class'] = _SeedState
        super().__init__(*args, **kwargs)

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """Make an actor; see the base class."""
        actor = super().make_actor(features_extractor)
        size = self.action_space.shape[0]  # type: ignore[index]
        hidden = (*_hidden(actor.features_dim), nn.ReLU(), *_hidden(WIDTH), nn.ReLU())
        actor.mu = nn.Sequential(*hidden, _linear(WIDTH, size, LAST), nn.Tanh())
        return actor.to(self.device)

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> Any:
        """Make the critics; see the base class."""
        critic = super().make_critic(features_extractor)
        size = self.action_space.shape[0]  # type: ignore[index]
        for index in range(len(critic.q_networks)):
            network = _Critic(critic.features_extractor.features_dim, size)
            critic.q_networks[index] = network
            critic.add_module(f'qf{index}', network)
        return critic.to(self.device)
