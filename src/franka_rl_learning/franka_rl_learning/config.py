# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of a training run, and the way from a flat list of settings to all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.settings import build, setting
from franka_rl_learning.algorithms.base import Algorithm
from franka_rl_learning.algorithms.table import available_algorithms, find_algorithm


@dataclass(frozen=True)
class TrainConfig:
    """A training run, apart from its environment."""

    algorithm: str = setting('ppo', 'algorithm: ' + ' or '.join(available_algorithms()))
    algorithm_options: dict[str, Any] = setting(
        {}, 'overrides of the configuration of the algorithm'
    )
    steps: int = setting(
        0, "world steps to learn from, over all sessions; 0 for the algorithm's default", low=0
    )
    seed: int = setting(0, 'seed of weights, exploration and goals', low=0, high=1e9)
    out: str = setting(
        '', 'folder of the run; if none is given, runs/<task>-<algorithm>-<date-time>'
    )
    resume: bool = setting(False, 'go on from the newest checkpoint in the folder of the run')
    checkpoint_interval: int = setting(
        0, "world steps between two checkpoints; 0 for the algorithm's default", low=0
    )
    evaluation_episodes: int = setting(
        -1,
        "episodes of the evaluation at the end; 0 for none, -1 for the algorithm's default",
        low=-1,
    )

    def find(self, backend: str) -> Algorithm:
        """
        Find the algorithm for a backend.

        :raises UnknownNameError: there is none of this name; the message lists those that are.
        """
        return find_algorithm(self.algorithm, backend)

    def options(self, backend: str) -> Any:
        """
        Build the configuration of the algorithm.

        :raises RefusedError: the algorithm or an option is unknown, or a value is not allowed.
        """
        return build(self.find(backend).config, self.algorithm_options)

    def complete(self, environment: EnvConfig) -> TrainConfig:
        """Fill in the algorithm's defaults for an environment."""
        defaults = self.find(environment.backend).defaults
        episodes = self.evaluation_episodes
        return dataclasses.replace(
            self,
            steps=self.steps or defaults.total(environment.num_envs),
            checkpoint_interval=self.checkpoint_interval or defaults.checkpoint_interval,
            evaluation_episodes=defaults.evaluation_episodes if episodes < 0 else episodes,
        )


def with_folder(config: TrainConfig, task: str) -> TrainConfig:
    """Name the folder of the run, if it has no name."""
    stamp = f'{datetime.now():%Y%m%d-%H%M%S}'
    out = config.out or f'runs/{task}-{config.algorithm}-{stamp}'
    return dataclasses.replace(config, out=out)


def configure(settings: Mapping[str, Any]) -> tuple[EnvConfig, TrainConfig]:
    """
    Sort settings into the configurations of environment, run and algorithm.

    :param settings: fields of :class:`EnvConfig`, of :class:`TrainConfig` and of the algorithm's
        configuration, side by side.
    :raises UnknownNameError: a name is a field of none of them; the message lists all of them.
    :raises RefusedError: a value is not allowed.
    """
    backend = settings.get('backend', EnvConfig.backend)
    algorithm = find_algorithm(settings.get('algorithm', TrainConfig.algorithm), backend)
    sections = {'run': TrainConfig, 'environment': EnvConfig, 'algorithm': algorithm.config}
    sorted_: dict[str, dict[str, Any]] = {name: {} for name in sections}
    for key, value in settings.items():
        sorted_[section_of(key, sections)][key] = value
    options = {**sorted_['run'].pop('algorithm_options', {}), **sorted_['algorithm']}
    run = build(TrainConfig, {**sorted_['run'], 'algorithm_options': options})
    run.options(backend)  # refuses what is not allowed
    number = {'num_envs': algorithm.defaults.num_envs}
    environment = build(EnvConfig, {**number, **sorted_['environment']})
    algorithm.check(environment)
    return environment, run.complete(environment)


def section_of(key: str, sections: Mapping[str, type[Any]]) -> str:
    """
    Find the configuration that has a field.

    :raises UnknownNameError: none has it; the message lists the fields of all.
    """
    known = {
        field.name: name for name, cls in sections.items() for field in dataclasses.fields(cls)
    }
    if key not in known:
        raise UnknownNameError('setting', key, known)
    return known[key]


def merge(settings: dict[str, Any], key: str, value: Any) -> None:
    """
    Set ``key``, or an entry of a mapping by ``key.entry``, in place.

    :raises RefusedError: ``key`` holds no mapping.
    """
    name, _, entry = key.partition('.')
    if not entry:
        settings[name] = value
        return
    if not isinstance(settings.setdefault(name, {}), dict):
        raise RefusedError(f'{key}: {name} holds no mapping')
    settings[name] = {**settings[name], entry: value}
