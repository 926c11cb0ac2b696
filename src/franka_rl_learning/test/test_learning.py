# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Every algorithm learns a known answer, repeats itself by seed and handles truncation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learning_helpers import ROWS, IdentityEnv, graph, make_learner, run, small_env

# Without apg, which needs the derivative of the reward: test_batched shows that it learns.
LEARN: dict[str, tuple[int, dict[str, Any]]] = {
    'ppo': (4_000, {'n_steps': 64, 'batch_size': 64, 'n_epochs': 10, 'learning_rate': 3e-3}),
    'sac': (800, {'batch_size': 64, 'learning_rate': 5e-3, 'gamma': 0.5, 'learning_starts': 200}),
}


@pytest.mark.parametrize(('name', 'backend'), [row for row in ROWS if row[0] in LEARN])
def test_it_learns_to_name_the_goal(name: str, backend: str, tmp_path: Path) -> None:
    steps, changes = LEARN[name]
    learner = make_learner(name, IdentityEnv(backend=backend), tmp_path, **changes)
    learner.restart(1)
    learner.learn(steps, lambda: True)
    observation, _ = IdentityEnv(num_envs=64).reset(seed=2)
    error = np.linalg.norm(learner.act(observation) - observation['desired_goal'], axis=1)
    assert error.mean() < 0.15  # a random action is 0.9 away in the mean


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_the_same_seed_gives_the_same_policy(name: str, backend: str, tmp_path: Path) -> None:
    first, second, other = (tmp_path / folder for folder in ('first', 'second', 'other'))
    run(first, name, backend=backend, seed=4)
    torch.rand(3)  # must not matter
    run(second, name, backend=backend, seed=4)
    run(other, name, backend=backend, seed=5)
    assert graph(first) == graph(second)
    assert graph(first) != graph(other)


def test_the_last_reward_of_a_truncated_episode_holds_the_value_of_what_follows(
    tmp_path: Path,
) -> None:
    class Constant(IdentityEnv):
        final: dict[str, Any]

        def compute_reward(self, achieved: Any, desired: Any, info: Any) -> Any:
            return np.full(len(achieved), -1.0)

        def step(self, actions: Any) -> Any:
            result = super().step(actions)
            self.final = result[-1]['final_obs']
            return result

    env = Constant()
    options = {'n_steps': env.LENGTH, 'batch_size': 20, 'gamma': 0.9, 'learning_rate': 0.0}
    learner = make_learner('ppo', env, tmp_path, **options)
    learner.learn(env.num_envs * env.LENGTH, lambda: True)
    model: Any = learner.model  # type: ignore[attr-defined]
    final = model.get_vec_normalize_env().normalize_obs(env.final)
    with torch.no_grad():
        values = model.policy.predict_values(model.policy.obs_to_tensor(final)[0]).numpy()[:, 0]
    rewards = model.rollout_buffer.rewards
    assert np.abs(values).min() > 1e-3
    np.testing.assert_array_equal(rewards[:-1], -1.0)
    np.testing.assert_allclose(rewards[-1], -1.0 + 0.9 * values, rtol=1e-5)


def test_hindsight_gives_rewards_for_other_goals(tmp_path: Path) -> None:
    """On a sparse task that chance does not solve, a reward above -1 is one in hindsight."""
    env = small_env(reward='sparse')
    options = {'learning_starts': 10_000, 'n_sampled_goal': 4}
    learner = make_learner('sac', env, tmp_path, **options)
    learner.restart(0)
    learner.learn(800, lambda: True)
    buffer = learner.model.replay_buffer  # type: ignore[attr-defined]
    sample = buffer.sample(2_000)
    achieved = sample.next_observations['achieved_goal'].numpy()
    desired = sample.observations['desired_goal'].numpy()
    expected = env.compute_reward(achieved, desired, None)
    np.testing.assert_array_equal(sample.rewards.numpy()[:, 0], expected)
    assert (expected[400:] == 0.0).mean() > 0.1 > (expected[:400] == 0.0).mean()


def test_a_restart_ends_the_episodes_that_hindsight_remembers(tmp_path: Path) -> None:
    learner = make_learner('sac', small_env(), tmp_path)
    learner.restart(0)
    learner.learn(40, lambda: True)
    learner.restart(1)
    buffer = learner.model.replay_buffer  # type: ignore[attr-defined]
    assert buffer.pos == 10 and (buffer.ep_length[:10] > 0).all()
    np.testing.assert_array_equal(buffer.ep_start[9] + buffer.ep_length[9], 10)
    assert buffer.timeouts[9].all()  # cut off, not ended
