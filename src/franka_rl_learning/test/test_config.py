# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Settings: names, presets and what is refused."""

from __future__ import annotations

import dataclasses

import pytest
from learning_helpers import ROWS

from franka_rl_core.backends.base import ROBOT
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.settings import describe, read_yaml
from franka_rl_core.share import share_dir
from franka_rl_learning.algorithms.config import (
    ApgConfig,
    LargeBatchPpoConfig,
    PpoConfig,
    SacConfig,
)
from franka_rl_learning.algorithms.table import available_algorithms, find_algorithm
from franka_rl_learning.config import TrainConfig, configure, merge

PRESETS = sorted((share_dir() / 'config' / 'algorithms').glob('*.yaml'))


def _names(cls: type) -> set[str]:
    return {field.name for field in dataclasses.fields(cls)}


def test_algorithms_are_listed() -> None:
    assert available_algorithms() == ('apg', 'ddpg', 'ppo', 'sac', 'td3')
    with pytest.raises(UnknownNameError) as unknown:
        find_algorithm('dreamer', 'mock')
    assert str(unknown.value) == "unknown algorithm 'dreamer'; known: apg, ddpg, ppo, sac, td3"


def test_the_arm_behind_the_guard_is_one_world() -> None:
    assert find_algorithm('ppo', ROBOT).library == 'sb3'


def test_settings_find_their_place() -> None:
    environment, run = configure(
        {
            'control': 'joints',
            'steps': 7,
            'gamma': 0.9,
            'algorithm': 'sac',
            'algorithm_options': {'tau': 0.1},
        }
    )
    defaults = find_algorithm('sac', 'pybullet').defaults
    assert environment == EnvConfig(control='joints', num_envs=defaults.num_envs)
    assert run == TrainConfig(
        steps=7,
        algorithm='sac',
        algorithm_options={'tau': 0.1, 'gamma': 0.9},
        checkpoint_interval=defaults.checkpoint_interval,
        evaluation_episodes=defaults.evaluation_episodes,
    )


def test_an_unknown_setting_is_answered_with_all() -> None:
    with pytest.raises(UnknownNameError) as unknown:
        configure({'learning_rat': 1e-3})
    assert set(unknown.value.known) == _names(EnvConfig) | _names(TrainConfig) | _names(PpoConfig)
    assert str(unknown.value).endswith("did you mean 'learning_rate'?")
    with pytest.raises(
        UnknownNameError, match="unknown SacConfig key 'n_steps'; known: activation, "
    ):
        configure({'algorithm': 'sac', 'algorithm_options': {'n_steps': 5}})


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'gamma': 1.5}, 'gamma = 1.5 is out of bounds'),
        ({'steps': -1}, 'steps = -1 is out of bounds'),
        ({'n_epochs': 'many'}, "n_epochs must be an integer, not 'many'"),
        ({'activation': 'gelu'}, "unknown activation 'gelu'; known: relu, tanh"),
        ({'net_arch': [64, 0]}, 'net_arch must hold positive integers'),
    ],
)
def test_bad_values_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        configure(settings)


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_no_name_means_two_things(name: str, backend: str) -> None:
    options = find_algorithm(name, backend).config
    groups = [_names(EnvConfig), _names(TrainConfig), _names(options)]
    assert sum(map(len, groups)) == len(set.union(*groups))


@pytest.mark.parametrize('cls', [TrainConfig, ApgConfig, LargeBatchPpoConfig, PpoConfig, SacConfig])
def test_every_field_says_what_it_is(cls: type) -> None:
    assert all(describe(field) for field in dataclasses.fields(cls))


@pytest.mark.parametrize('path', PRESETS, ids=lambda path: path.stem)
def test_presets_are_valid(path: object) -> None:
    configure(read_yaml(path))  # type: ignore[arg-type]


def test_what_is_not_said_is_the_algorithms_choice() -> None:
    environment, run = configure({'algorithm': 'apg', 'backend': 'kinematic'})
    defaults = find_algorithm('apg', 'kinematic').defaults
    assert environment.num_envs == defaults.num_envs
    assert run.steps == defaults.steps
    assert run.checkpoint_interval == defaults.checkpoint_interval
    assert run.evaluation_episodes == defaults.evaluation_episodes
    said: dict[str, int] = {'num_envs': 2, 'steps': 7, 'checkpoint_interval': 5}
    said['evaluation_episodes'] = 0
    environment, run = configure({'algorithm': 'apg', 'backend': 'kinematic', **said})
    assert said == {key: getattr(run, key, environment.num_envs) for key in said}


@pytest.mark.parametrize(('name', 'backend'), [('apg', 'kinematic'), ('ppo', 'kinematic')])
def test_more_worlds_do_not_replace_updates(name: str, backend: str) -> None:
    defaults = find_algorithm(name, backend).defaults

    def steps(num_envs: int) -> int:
        environment = EnvConfig(backend=backend, num_envs=num_envs)
        return TrainConfig(algorithm=name).complete(environment).steps

    assert steps(1) == defaults.steps
    assert steps(16_384) == 16_384 * defaults.steps_per_world > defaults.steps


def test_presets_exist() -> None:
    assert PRESETS


def test_entries_of_mappings() -> None:
    settings: dict[str, object] = {'safety': {'joint_margin': 0.1}, 'seed': 1}
    merge(settings, 'safety.velocity_fraction', 0.2)
    assert settings['safety'] == {'joint_margin': 0.1, 'velocity_fraction': 0.2}
    with pytest.raises(RefusedError, match='seed.x: seed holds no mapping'):
        merge(settings, 'seed.x', 2)
