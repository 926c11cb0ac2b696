# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the learners have in common whose policies are ours and whose data stay in PyTorch."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from skrl.resources.preprocessors.torch import RunningStandardScaler
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from franka_rl_core.envs.base import KEYS
from franka_rl_learning.algorithms.base import Algorithm, Learner
from franka_rl_learning.algorithms.tensor_env import TensorEnv
from franka_rl_learning.export import DeterministicPolicy, Normalizer, export
from franka_rl_learning.record import EpisodeRecord

STATE = 'state.pt'
ACTIVATIONS = {'relu': nn.ReLU, 'tanh': nn.Tanh}
# Of normalised observations.
CLIP = 5.0
# Size of the last layer's first weights beside that of the others.
LAST_LAYER = 0.3
# Before it learns, each world keeps to a random action for this part of an episode.
LOOK_AROUND = 10
# Time between two records for TensorBoard [s].
LOG_INTERVAL_S = 0.5


class TorchLearner(Learner):
    """
    A learner with a Gaussian or deterministic policy on normalised observations.

    :param threads: that PyTorch may use, None for its own choice.
    """

    def __init__(
        self,
        algorithm: Algorithm,
        env: VectorEnv,
        config: Any,
        *,
        seed: int,
        log: Path,
        threads: int | None = None,
    ) -> None:
        if threads:
            torch.set_num_threads(threads)
        torch.manual_seed(seed)
        self.config = config
        self.env = TensorEnv(env)
        self.scaler = RunningStandardScaler(
            self.env.observation_size, clip_threshold=CLIP, device=self.env.device
        )
        self.policy = self.network(self.env.action_size)
        self._seed: int | None = None
        self._observation: Tensor | None = None
        self._steps = 0
        self._writer = SummaryWriter(str(log))
        self._written = time.monotonic()

    def network(self, outputs: int) -> nn.Sequential:
        """Make a network from normalised observations."""
        widths = (self.env.observation_size, *self.config.net_arch)
        return make_network(widths, outputs, self.config.activation).to(self.env.device)

    @property
    def steps(self) -> int:
        """See :attr:`Learner.steps`."""
        return self._steps

    @property
    def episodes(self) -> EpisodeRecord:
        """See :attr:`Learner.episodes`."""
        return self.env.episodes.record

    def restart(self, seed: int) -> None:
        """See :meth:`Learner.restart`."""
        self._seed, self._observation = seed, None
        # What is drawn while learning depends on the segment alone, as the goals do.
        torch.manual_seed(seed)

    def learn(self, until: int, on_step: Callable[[], bool]) -> None:
        """See :meth:`Learner.learn`."""
        if self._observation is None:
            self._observation = self._begin()
        go_on = True
        while go_on and self._steps < until:
            go_on = self.update(on_step)
            if time.monotonic() - self._written >= LOG_INTERVAL_S:
                self._write()

    def _begin(self) -> Tensor:
        """
        Start the episodes.

        In the first steps of a training all worlds are nearly the same: a scaler that knew nothing
        else would blow up the least difference. So it sees other steps before, which do not count:
        nothing else is learned from them. And all episodes would end together.
        """
        if self._steps == 0:
            self.env.reset(self._seed)
            action = torch.rand(self.env.num_envs, self.env.action_size) * 2.0 - 1.0
            action = action.to(self.env.device)
            for _ in range(self.env.episode_steps // LOOK_AROUND):
                with torch.no_grad():
                    self.scaler(self.env.step(action).observation, train=True)
        observation = self.env.reset(self._seed)
        self.env.spread()
        return observation

    @abstractmethod
    def update(self, on_step: Callable[[], bool]) -> bool:
        """Take some steps, learn from them, and say whether to go on."""

    def _write(self) -> None:
        """Write for TensorBoard what has been learned since the last time."""
        self._written = time.monotonic()
        episode_return, success_rate = self.recent
        values = {**self.env.steps.take(), **self.losses()}
        values |= {'rollout/return': episode_return, 'rollout/success_rate': success_rate}
        for name, value in values.items():
            self._writer.add_scalar(name, value, self._steps)

    def act(self, observation: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """See :meth:`Learner.act`."""
        flat = torch.from_numpy(np.concatenate([observation[key] for key in KEYS], axis=1))
        with torch.no_grad():
            action = self.policy(self.scaler(flat.to(self.env.device)))
        result: NDArray[np.float32] = action.clamp(-1.0, 1.0).cpu().numpy()
        return result

    def graph(self) -> bytes:
        """See :meth:`Learner.graph`."""
        deviation = self.scaler.running_variance.sqrt() + self.scaler.epsilon
        normalizer = Normalizer(self.scaler.running_mean, deviation, CLIP)
        return export(DeterministicPolicy(self.policy, normalizer), self.env.observation_size)

    @abstractmethod
    def losses(self) -> dict[str, float]:
        """Give numbers on the last update, by names for TensorBoard."""

    @abstractmethod
    def modules(self) -> dict[str, Any]:
        """Give everything that learns, by name; each has ``state_dict`` and ``load_state_dict``."""

    def save(self, folder: Path) -> None:
        """See :meth:`Learner.save`."""
        self._writer.flush()
        state = {name: module.state_dict() for name, module in self.modules().items()}
        torch.save({'steps': self._steps, **state}, folder / STATE)

    def load(self, folder: Path) -> None:
        """See :meth:`Learner.load`."""
        state = torch.load(folder / STATE, map_location=self.env.device, weights_only=True)
        self._steps = state['steps']
        for name, module in self.modules().items():
            module.load_state_dict(state[name])


def make_network(widths: Sequence[int], outputs: int, activation: str) -> nn.Sequential:
    """
    Make a network that gives small values at first.

    :param widths: of the input and of the hidden layers.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), ACTIVATIONS[activation]()]
    last = nn.Linear(widths[-1], outputs)
    with torch.no_grad():
        last.weight.mul_(LAST_LAYER)
        last.bias.zero_()
    return nn.Sequential(*layers, last)
