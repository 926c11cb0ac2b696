# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration of a training run, and the way from a flat list of settings to all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from franka_rl_core.envs.config import EnvConfig, longest_episode
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.settings import build, setting
from franka_rl_learning.algorithms.base import Algorithm
from franka_rl_learning.algorithms.table import available_algorithms, find_algorithm
from franka_rl_learning.suited import suited_algorithm, suited_settings

#: Of every world between two checkpoints. All worlds start anew after one, so that long episodes
#: would never end between checkpoints that follow each other faster.
LEAST_EPISODES = 2


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
    episodes: int = setting(
        0, 'episodes to learn from, of all worlds and sessions; 0 for as many as steps allow', low=0
    )
    stop_at: float = setting(
        0.0,
        'success rate without noise, looked at after a checkpoint, with which the training ends '
        'before its steps do; 0 for never',
        low=0.0,
        high=1.0,
    )
    seed: int = setting(0, 'seed of weights, exploration and goals', low=0, high=1e9)
    out: str = setting(
        '', 'folder of the run; if none is given, runs/<task>-<algorithm>-<date-time>'
    )
    resume: bool = setting(False, 'go on from the newest checkpoint in the folder of the run')
    checkpoint_interval: int = setting(
        0,
        "world steps between two checkpoints; 0 for the algorithm's default, "
        'or for none where checkpoint_episodes says when',
        low=0,
    )
    checkpoint_episodes: int = setting(
        0, 'episodes between two checkpoints; 0 for none because of episodes', low=0
    )
    plot: bool = setting(True, 'draw scores_trend.png in the folder of the run')
    plot_interval: int = setting(
        100, 'episodes after which it is drawn again, and the training record is saved', low=1
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
        """Fill in what suits the task, and the algorithm's defaults, for an environment."""
        algorithm = self.find(environment.backend)
        defaults = algorithm.defaults
        suited = suited_settings(environment.task, algorithm.name)
        wanted, stop_at = suited.pop('steps', 0), suited.pop('stop_at', 0.0)
        steps = self.steps or (0 if self.episodes else wanted)
        # Who says how long to learn wants that.
        stop_at = self.stop_at or (0.0 if self.steps or self.episodes else stop_at)
        episodes, interval = self.evaluation_episodes, self.checkpoint_interval
        if not self.checkpoint_episodes:
            least = LEAST_EPISODES * one_episode(environment)
            interval = interval or max(defaults.checkpoint_interval, least)
        # Of what is stepped until all worlds have ended an episode, one counts at least.
        most = self.episodes * one_episode(environment) or defaults.total(environment.num_envs)
        return dataclasses.replace(
            self,
            steps=steps or most,
            stop_at=stop_at,
            algorithm_options={**suited, **self.algorithm_options},
            checkpoint_interval=interval,
            evaluation_episodes=defaults.evaluation_episodes if episodes < 0 else episodes,
        )


def one_episode(environment: EnvConfig) -> int:
    """Give the world steps in which every world ends an episode."""
    return environment.num_envs * longest_episode(environment)


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
    task = settings.get('task', EnvConfig.task)
    name = settings.get('algorithm', suited_algorithm(task, backend))
    settings, algorithm = {**settings, 'algorithm': name}, find_algorithm(name, backend)
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
