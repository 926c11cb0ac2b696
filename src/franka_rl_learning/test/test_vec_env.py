# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The adapter from Gymnasium's vector environments to those of Stable-Baselines3."""

from __future__ import annotations

import numpy as np
import pytest
from learning_helpers import IdentityEnv, small_env

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.tasks.reach import ReachTask
from franka_rl_learning.vec_env import GymnasiumVecEnv


def test_a_truncated_episode_shows_its_last_observation() -> None:
    env = GymnasiumVecEnv(small_env())
    env.seed(3)
    env.reset()
    still = np.zeros((4, 3), np.float32)
    for _ in range(ReachTask.max_episode_steps):
        last = env.env.arm.tool_position.astype(np.float32)
        goals = env.env.goals.goal.astype(np.float32)
        observation, _, done, infos = env.step(still)
    assert done.all()
    for world, info in enumerate(infos):
        assert info['TimeLimit.truncated'] and not info['is_success']
        assert info['episode']['l'] == ReachTask.max_episode_steps
        final = info['terminal_observation']
        np.testing.assert_array_equal(final['desired_goal'], goals[world])
        np.testing.assert_allclose(final['achieved_goal'], last[world], atol=2e-3)
        assert not np.array_equal(final['desired_goal'], observation['desired_goal'][world])


def test_a_success_is_no_truncation_and_ends_only_its_world() -> None:
    env = GymnasiumVecEnv(small_env())
    env.seed(1)
    env.reset()
    env.env.goals.goal[2] = env.env.arm.tool_position[2] + [0.0, 0.0, 0.03]
    _, reward, done, infos = env.step(np.zeros((4, 3), np.float32))
    assert done.tolist() == [False, False, True, False]
    assert infos[2]['is_success'] and not infos[2]['TimeLimit.truncated']
    assert infos[2]['episode'] == {'r': pytest.approx(reward[2], abs=1e-6), 'l': 1}
    assert [infos[i] for i in (0, 1, 3)] == [{}, {}, {}]


def test_a_seed_gives_the_goals_of_the_environment() -> None:
    env, same = GymnasiumVecEnv(small_env()), small_env()
    env.seed(7)
    np.testing.assert_array_equal(
        env.reset()['desired_goal'], same.reset(seed=7)[0]['desired_goal']
    )
    assert not np.array_equal(env.reset()['desired_goal'], same.reset(seed=7)[0]['desired_goal'])


def test_rewards_in_hindsight_come_from_the_environment() -> None:
    env = GymnasiumVecEnv(small_env(reward='sparse'))
    goals = np.zeros((5, 3), np.float32)
    goals[1:, 0] = (0.01, 0.049, 0.051, 1.0)
    (reward,) = env.env_method('compute_reward', goals, np.zeros((5, 3)), [{}] * 5, indices=[0])
    assert reward.tolist() == [0.0, 0.0, 0.0, -1.0, -1.0]


def test_statistics_are_means_over_steps() -> None:
    env = GymnasiumVecEnv(small_env())
    env.reset()
    action = np.zeros((4, 3), np.float32)
    action[1] = 1.0  # more than the acceleration limit allows from rest
    action[2] = np.nan
    env.step(action)
    env.step(np.zeros((4, 3), np.float32))
    means = env.statistics.take()
    assert {'safety/clipped', 'safety/held', 'reward/distance', 'reward/missed'} == set(means)
    assert means['safety/held'] == pytest.approx(1 / 8)
    assert means['safety/clipped'] >= 1 / 8
    assert env.statistics.take() == {}


def test_other_resets_are_refused() -> None:
    with pytest.raises(RefusedError, match='SAME_STEP resets, not AutoresetMode.DISABLED'):
        GymnasiumVecEnv(small_env(autoreset=False))


def test_the_identity_environment_is_what_it_says() -> None:
    env = IdentityEnv()
    observation, _ = env.reset(seed=0)
    _, reward, terminated, truncated, _ = env.step(observation['desired_goal'])
    assert not reward.any() and not terminated.any() and not truncated.any()
