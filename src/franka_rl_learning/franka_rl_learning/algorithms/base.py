# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The contract between the training loop and the libraries whose algorithms it runs."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from franka_rl_core import registry
from franka_rl_core.backends.base import DIFFERENTIABLE
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import RefusedError
from franka_rl_learning.record import EpisodeRecord


class Learner(ABC):
    """
    An algorithm that learns in an environment.

    Its state is what :meth:`save` writes. The environment belongs to the caller; no episode
    outlives :meth:`restart`, so a learner that was loaded and restarted goes on as the saved one
    does after a restart.

    :param algorithm: row of the table.
    :param env: a vector environment that resets in the step that ends an episode.
    :param config: instance of ``algorithm.config``.
    :param seed: seed of weights, exploration and sampling.
    :param log: folder for TensorBoard.
    """

    #: The worlds, in the way that the library wants them.
    _env: Any

    @abstractmethod
    def __init__(
        self, algorithm: Algorithm, env: VectorEnv, config: Any, *, seed: int, log: Path
    ) -> None: ...

    @classmethod  # noqa: B027 - any environment may do
    def check(cls, env: VectorEnv, config: Any) -> None:
        """
        Check the worlds before anything is written; parameters as of the class.

        :raises RefusedError: they do not serve, or there is no memory for what it does with them.
        """

    @property
    @abstractmethod
    def steps(self) -> int:
        """World steps so far, over all sessions."""

    @property
    def episodes(self) -> EpisodeRecord:
        """All episodes that have ended in its worlds."""
        record: EpisodeRecord = self._env.episodes
        return record

    @property
    def recent(self) -> tuple[float, float]:
        """Mean return and success rate of the last 100 episodes; NaN before the first."""
        return self.episodes.recent

    @abstractmethod
    def restart(self, seed: int) -> None:
        """Let the next :meth:`learn` start with new episodes, with goals from this seed."""

    @abstractmethod
    def learn(self, until: int, on_step: Callable[[], bool]) -> None:
        """
        Learn until so many steps are done, or a few more to complete an update.

        :param until: total of :attr:`steps`.
        :param on_step: called after every step of the worlds; False ends learning at once.
        """

    @abstractmethod
    def act(self, observation: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Choose the best actions: (N, K) in [-1, 1]."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the state to an empty folder."""

    @abstractmethod
    def load(self, folder: Path) -> None:
        """Read the state back; it may hold pickles, so only load what you wrote."""

    @abstractmethod
    def graph(self) -> bytes:
        """Give the deterministic policy as an ONNX model, see :class:`PolicyBundle`."""


@dataclass(frozen=True)
class Defaults:
    """How long and on how many worlds an algorithm learns."""

    steps: int  # of all worlds
    steps_per_world: int  # at least; more worlds do not replace updates
    num_envs: int
    evaluation_episodes: int
    checkpoint_interval: int  # steps of all worlds between two checkpoints

    def total(self, num_envs: int) -> int:
        """Give the steps of all worlds for so many worlds."""
        return max(self.steps, self.steps_per_world * num_envs)


@dataclass(frozen=True)
class Algorithm:
    """
    A row of the table of algorithms.

    :param name: what users call it.
    :param library: module of this package that holds the library's :class:`Learner`.
    :param class_name: what the library calls it.
    :param config: dataclass of its settings.
    :param needs_gradients: of the reward by the actions.
    :param defaults: of the run and the environment, where users say nothing.
    """

    name: str
    library: str
    class_name: str
    config: type[Any]
    defaults: Defaults
    needs_gradients: bool = False

    def check(self, environment: EnvConfig) -> None:
        """
        Check, before anything is started, that it can learn in an environment.

        :raises RefusedError: it needs gradients that the environment does not have.
        """
        if not self.needs_gradients:
            return
        cls = registry.find('backends', environment.backend)
        if DIFFERENTIABLE not in cls.capabilities:
            raise RefusedError(
                f'{self.name} needs a differentiable backend: kinematic, '
                f'not {environment.backend!r}; the others learn on any'
            )
        if environment.compile:
            raise RefusedError(f'{self.name} needs gradients, which compile=true does not have')
        if environment.reward != 'dense':
            raise RefusedError(
                f"{self.name} needs reward 'dense': {environment.reward!r} has no gradient"
            )
        if environment.num_envs < 2:
            raise RefusedError(f'{self.name} needs 2 worlds or more: one has no variance')

    def learner(self, env: VectorEnv, config: Any, *, seed: int, log: Path) -> Learner:
        """Make a learner, see there for the parameters."""
        return self.learner_class()(self, env, config, seed=seed, log=log)

    def learner_class(self) -> type[Learner]:
        """Give the class of its learners; only now the library is imported."""
        module = importlib.import_module(f'franka_rl_learning.algorithms.{self.library}')
        learner: type[Learner] = module.LEARNER
        return learner
