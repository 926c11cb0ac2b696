# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""DDPG and TD3: the networks and rates of the preset, noise, and what suits a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from stable_baselines3.common.noise import NormalActionNoise

from franka_rl_core import registry
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.share import share_dir
from franka_rl_learning.algorithms.config import DdpgConfig
from franka_rl_learning.algorithms.sb3_arguments import FadingNoise
from franka_rl_learning.algorithms.table import find_algorithm
from franka_rl_learning.config import configure
from franka_rl_learning.suited import suited_algorithm
from franka_rl_learning.training import train

CONFIG = share_dir() / 'config'
PRESET = yaml.safe_load((CONFIG / 'algorithms' / 'ddpg_seed.yaml').read_text())
TASKS = sorted(path.stem for path in (CONFIG / 'tasks').glob('*.yaml'))


@pytest.fixture
def seed_run(tmp_path: Path) -> Any:
    """Train by the preset for a few steps, and give the learner too."""
    settings = {'task': 'touch_plane', 'backend': 'mock', 'steps': 620, 'evaluation_episodes': 0}
    environment, run = configure({**settings, **PRESET, 'out': str(tmp_path), 'plot': False})
    env = FrankaVectorEnv(environment)
    algorithm = find_algorithm('ddpg', 'mock')
    learner = algorithm.learner(env, run.options('mock'), seed=0, log=tmp_path / 'log')
    learner.restart(0)
    yield env, run, learner
    env.close()


def test_the_preset_has_the_networks_of_the_seed(seed_run: Any) -> None:
    _, _, learner = seed_run
    policy = learner.model.policy
    sizes = [tuple(p.shape) for p in policy.actor.mu.parameters() if p.ndim == 2]
    assert sizes == [(400, 10), (400, 400), (7, 400)], 'the state has ten numbers'
    weights = [p.detach() for p in policy.actor.mu.parameters() if p.ndim == 2]
    bounds = [float(w.abs().max()) for w in weights]
    assert bounds == pytest.approx([0.05, 0.05, 0.003], rel=0.02)
    critic = [tuple(p.shape) for p in policy.critic.parameters() if p.ndim == 2]
    assert critic == [(400, 10), (400, 400), (400, 7), (1, 400)]


def test_the_preset_has_two_rates_and_both_networks_learn(seed_run: Any) -> None:
    _, _, learner = seed_run
    before = [p.detach().clone() for p in learner.model.policy.parameters()]
    learner.learn(560, lambda: True)  # learning starts after the first episode, of 500 steps
    rates = [o.param_groups[0]['lr'] for o in (learner.model.actor.optimizer,)]
    rates += [learner.model.critic.optimizer.param_groups[0]['lr']]
    assert rates == [2.5e-5, 2.5e-4]
    after = list(learner.model.policy.parameters())
    changed = [not np.array_equal(a.detach(), b) for a, b in zip(after, before, strict=True)]
    assert all(changed)


@pytest.mark.parametrize('name', ['ddpg', 'sac'])
def test_step_sizes_become_less(name: str, tmp_path: Path) -> None:
    given = {'task': 'touch_plane', 'backend': 'mock', 'algorithm': name, 'num_envs': 2}
    rates = {'learning_rate': 1e-3, 'learning_rate_half_life': 500, 'gradient_steps': 1}
    environment, run = configure({**given, **rates, 'out': str(tmp_path)})
    env = FrankaVectorEnv(environment)
    learner = find_algorithm(name, 'mock').learner(
        env, run.options('mock'), seed=0, log=tmp_path / 'log'
    )
    learner.restart(0)
    learner.learn(1004, lambda: True)
    model = learner.model
    for optimizer in (model.actor.optimizer, model.critic.optimizer):
        assert optimizer.param_groups[0]['lr'] == pytest.approx(0.25e-3, rel=0.01)
    env.close()


def test_the_exported_policy_looks_at_ten_numbers_only(seed_run: Any, tmp_path: Path) -> None:
    env, run, learner = seed_run
    result = train(env, run)
    assert result.bundle is not None
    policy = PolicyBundle(result.bundle)
    observation, _ = env.reset(seed=1)
    action = policy.act(observation)
    elsewhere = {**observation, 'achieved_goal': observation['achieved_goal'] + 1.0}
    np.testing.assert_array_equal(policy.act(elsewhere), action)
    other = {**observation, 'desired_goal': observation['desired_goal'] + 1.0}
    assert (policy.act(other) != action).any()


def test_noise_fades() -> None:
    noise = FadingNoise(NormalActionNoise(np.ones(3), np.zeros(3)), half_life=10)
    values = [noise() for _ in range(20)]
    assert values[9] == pytest.approx([0.5] * 3) and values[19] == pytest.approx([0.25] * 3)
    noise.reset()
    assert noise()[0] < 0.25, 'it goes on to fade in the next episode'


@pytest.mark.parametrize(
    'wrong', [{'network': 'tree'}, {'noise': 'pink'}, {'train_freq_unit': 'day'}]
)
def test_unknown_names_list_the_known_ones(wrong: dict[str, str]) -> None:
    with pytest.raises(UnknownNameError, match='known: '):
        DdpgConfig(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize('task', TASKS)
def test_what_suits_a_task_is_known_and_counts_less_than_what_is_said(task: str) -> None:
    content = yaml.safe_load((CONFIG / 'tasks' / f'{task}.yaml').read_text())
    assert task in registry.available('tasks')
    for backend, algorithm in content.pop('algorithms').items():
        assert suited_algorithm(task, backend) == algorithm
        environment, run = configure({'task': task, 'backend': backend})
        assert (run.algorithm, run.steps) == (algorithm, content[algorithm]['steps'])
        options = run.options(backend)
        suited = {k: v for k, v in content[algorithm].items() if k not in ('steps', 'stop_at')}
        assert run.stop_at == content[algorithm].get('stop_at', 0.0)
        assert {k: getattr(options, k) for k in suited} == suited
        mine = configure({'task': task, 'backend': backend, 'steps': 1000, 'learning_rate': 1e-4})
        assert mine[1].steps == 1000 and mine[1].options(backend).learning_rate == 1e-4
    assert suited_algorithm('reach', 'kinematic') == 'ppo'
