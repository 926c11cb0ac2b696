# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Analytic policy gradients: the reward is differentiated through the worlds themselves.

The policy acts for a short horizon; the mean reward of these steps is a differentiable function of
its weights, through the kinematics, the action decoder and the safety limits. Adam follows that
gradient, and the next horizon goes on where the last one ended. Horizons are short because
gradients through many steps grow without bound (J. Xu et al., Accelerated policy learning with
parallel differentiable simulation, ICLR 2022). Rewards here say at every step how good it was, so
there is no critic for what comes after the horizon.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from gymnasium.vector import VectorEnv
from torch import Tensor

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.torch_arrays import check_memory
from franka_rl_learning.algorithms.base import Algorithm
from franka_rl_learning.algorithms.torch_learner import TorchLearner

# Numbers of a world that a step keeps for its gradient: by the peak memory of trainings with
# 150,000 worlds and horizons of 2 and 4, ``ee`` control.
_KEPT_PER_STEP = 1_250


class ApgLearner(TorchLearner):
    """See :class:`Learner`; the environment must be differentiable, and its reward too."""

    def __init__(
        self, algorithm: Algorithm, env: VectorEnv, config: Any, *, seed: int, log: Path
    ) -> None:
        # One thread: with more, small batches wait for each other.
        super().__init__(algorithm, env, config, seed=seed, log=log, threads=1)
        self.check(env, config)
        self._optimizer = torch.optim.Adam(self.policy.parameters(), lr=config.learning_rate)
        updates = config.half_life * self.env.episode_steps / config.horizon
        self._schedule = torch.optim.lr_scheduler.ExponentialLR(
            self._optimizer, gamma=0.5 ** (1.0 / updates)
        )
        self._last: dict[str, Tensor] = {}

    @classmethod
    def check(cls, env: VectorEnv, config: Any) -> None:
        """See :meth:`Learner.check`."""
        worlds = getattr(env, 'worlds', None)
        if worlds is None:
            raise RefusedError('apg needs worlds in this process: gradients do not flow over ROS 2')
        kept = _KEPT_PER_STEP * worlds.arrays.dtype.itemsize * config.horizon
        check_memory(env.num_envs, worlds.arrays.device, kept)

    def update(self, on_step: Callable[[], bool]) -> bool:
        """See :meth:`TorchLearner.update`."""
        worlds, observation = self.env.worlds, self._observation
        assert worlds is not None and observation is not None
        worlds.detach()
        observation = observation.detach()
        self.scaler(observation, train=True)
        noise = self.config.noise * self._schedule.get_last_lr()[0] / self.config.learning_rate
        total, go_on = torch.zeros((), device=self.env.device), True
        for step in range(self.config.horizon):
            action = self.policy(self.scaler(observation, no_grad=False))
            result = self.env.step(action + noise * torch.randn_like(action))
            beyond = torch.clamp(action.abs() - 1.0, min=0.0).square().mean()
            gain = result.reward.mean() - self.config.bound_weight * beyond
            total = total + self.config.gamma**step * gain
            observation = result.observation
            self._steps += self.env.num_envs
            go_on = on_step() and go_on
        self._observation = observation
        self._optimizer.zero_grad()
        loss = -total / self.config.horizon
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(self.policy.parameters(), self.config.max_grad_norm)
        if torch.isfinite(norm):
            self._optimizer.step()
        self._schedule.step()
        self._last = {'train/loss': loss.detach(), 'train/gradient_norm': norm}
        return go_on

    def losses(self) -> dict[str, float]:
        """See :meth:`TorchLearner.losses`."""
        return {name: float(value) for name, value in self._last.items()}

    def modules(self) -> dict[str, Any]:
        """See :meth:`TorchLearner.modules`."""
        return {
            'policy': self.policy,
            'scaler': self.scaler,
            'optimizer': self._optimizer,
            'schedule': self._schedule,
        }


LEARNER = ApgLearner
