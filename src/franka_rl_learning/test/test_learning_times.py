# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""When algorithms with a replay buffer learn: between steps, or between episodes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from learning_helpers import IdentityEnv, make_learner, small_env

from franka_rl_core.exceptions import RefusedError


def updates(env: Any, log: Path, steps: int, **options: Any) -> list[tuple[int, int]]:
    """Give the steps after which gradient steps were made, and how many."""
    learner = make_learner('sac', env, log, batch_size=8, learning_starts=8, **options)
    learner.restart(0)
    model, made = learner.model, []  # type: ignore[attr-defined]
    train = model.train

    def record(gradient_steps: int, batch_size: int) -> None:
        made.append((model.num_timesteps, gradient_steps))
        train(gradient_steps, batch_size)

    model.train = record
    learner.learn(steps, lambda: True)
    return made


@pytest.fixture
def world() -> Any:
    """Make one world, whose episodes have five steps; the task's may have fifty."""
    return IdentityEnv(num_envs=1)


def test_simulated_worlds_are_learned_from_after_every_step(world: Any, tmp_path: Path) -> None:
    expected = [(step, 2) for step in range(51, 61)]  # hindsight waits for the task's episode
    assert updates(world, tmp_path, 60, gradient_steps=2) == expected


def test_a_world_in_real_time_is_learned_from_between_episodes(world: Any, tmp_path: Path) -> None:
    """Learning would take of its control period; it makes up for all steps of an episode."""
    world.real_time = True
    assert updates(world, tmp_path, 60, gradient_steps=2) == [(55, 100), (60, 100)]


def test_who_says_so_learns_within_episodes(world: Any, tmp_path: Path) -> None:
    world.real_time = True
    given = {'train_freq_unit': 'step', 'gradient_steps': 1}
    assert updates(world, tmp_path, 53, **given) == [(51, 1), (52, 1), (53, 1)]


def test_one_gradient_step_per_step_of_the_episode(world: Any, tmp_path: Path) -> None:
    given = {'train_freq_unit': 'episode', 'gradient_steps': -1}
    assert updates(world, tmp_path, 60, **given) == [(55, 5), (60, 5)]


def test_episodes_of_several_worlds_do_not_end_together(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match='train_freq_unit: episode needs num_envs = 1, not 4'):
        make_learner('sac', small_env(), tmp_path, train_freq_unit='episode')
