# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Learning on thousands of worlds whose data stay in PyTorch, here on fewer."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learning_helpers import QUICK, ROWS, IdentityEnv, make_learner, run, small_env

from franka_rl_core import torch_arrays
from franka_rl_core.envs.base import KEYS
from franka_rl_core.exceptions import RefusedError
from franka_rl_learning.algorithms.table import find_algorithm
from franka_rl_learning.algorithms.tensor_env import TensorEnv

WORLDS, STEPS = 256, 190  # 64 worlds and 190 steps do not suffice for every seed


def test_analytic_gradients_solve_the_task_in_seconds(tmp_path: Path) -> None:
    result = run(
        tmp_path,
        'apg',
        env=lambda backend: small_env(backend=backend, num_envs=WORLDS),
        backend='kinematic',
        steps=STEPS * WORLDS,
        checkpoint_interval=STEPS * WORLDS,
        evaluation_episodes=200,
        options={'net_arch': (64, 64)},
    )
    assert result.evaluation is not None and result.evaluation.episodes == 200
    assert result.evaluation.success_rate >= 0.9


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'backend': 'mock'}, 'apg needs .*kinematic'),
        ({'backend': 'pybullet'}, 'apg needs .*kinematic'),
        ({'backend': 'kinematic', 'num_envs': 1}, 'apg needs 2 worlds'),
        ({'backend': 'kinematic', 'reward': 'sparse'}, "needs reward 'dense': 'sparse' has no"),
        (
            {'backend': 'kinematic', 'compile': True},
            'apg needs gradients, which compile=true does not have',
        ),
    ],
)
def test_analytic_gradients_are_refused_where_there_are_none(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(RefusedError, match=message):
        run(tmp_path / 'run', 'apg', **_environment(settings))
    assert not (tmp_path / 'run').exists()
    with pytest.raises(RefusedError, match='gradients do not flow'):
        make_learner('apg', IdentityEnv(backend='kinematic'), tmp_path)  # without tensors


def test_more_worlds_than_gradients_have_memory_for_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_arrays, 'free_memory', lambda device: 1_000_000)  # enough for ppo
    with pytest.raises(RefusedError, match='64 worlds need .* at most 50 worlds'):
        run(tmp_path / 'run', 'apg', **_environment({'backend': 'kinematic', 'num_envs': 64}))
    assert not (tmp_path / 'run').exists()


def test_the_backend_decides_on_the_library() -> None:
    assert find_algorithm('ppo', 'kinematic').library == 'skrl'
    assert find_algorithm('ppo', 'pybullet').library == 'sb3'
    assert find_algorithm('ppo', 'mock').library == 'sb3'
    assert find_algorithm('sac', 'kinematic').library == 'sb3'


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_what_is_loaded_acts_as_what_was_saved(name: str, backend: str, tmp_path: Path) -> None:
    env = small_env(backend=backend)
    saved = make_learner(name, env, tmp_path, **QUICK[name])
    saved.restart(0)
    saved.learn(256, lambda: True)
    saved.save(tmp_path)
    loaded = make_learner(name, env, tmp_path, seed=1, **QUICK[name])
    observation, _ = env.reset(seed=2)
    assert not np.array_equal(loaded.act(observation), saved.act(observation))
    loaded.load(tmp_path)
    assert loaded.steps == saved.steps == 256
    np.testing.assert_array_equal(loaded.act(observation), saved.act(observation))


@pytest.mark.parametrize('backend', ['kinematic', 'mock'])
def test_tensors_hold_what_arrays_hold(backend: str) -> None:
    """Also where episodes end by success and by time, and start again."""
    env, other = (small_env(backend=backend, num_envs=16) for _ in range(2))
    tensors = TensorEnv(other)
    np.testing.assert_array_equal(tensors.reset(3).numpy(), _flat(env.reset(seed=3)[0]))
    terminated = truncated = 0
    observation, _ = env.reset(seed=3)
    tensors.reset(3)
    for step in range(150):
        toward = 20.0 * (observation['desired_goal'] - observation['achieved_goal'])
        toward[step % 2 :: 2] *= -1.0 if step < 100 else 1.0
        action = np.clip(toward, -1.0, 1.0).astype(np.float32)
        observation, reward, *ended, infos = env.step(action)
        result = tensors.step(torch.from_numpy(action))
        np.testing.assert_array_equal(result.reward.numpy(), reward.astype(np.float32))
        np.testing.assert_array_equal(result.terminated.numpy(), ended[0])
        np.testing.assert_array_equal(result.truncated.numpy(), ended[1])
        np.testing.assert_array_equal(result.observation.numpy(), _flat(observation))
        np.testing.assert_array_equal(result.final_observation.numpy(), _flat(infos['final_obs']))
        over = ended[0] | ended[1]
        moved = (result.observation != result.final_observation).any(dim=1).numpy()
        np.testing.assert_array_equal(moved, over)
        terminated, truncated = terminated + ended[0].sum(), truncated + ended[1].sum()
    assert terminated and truncated


def test_the_last_reward_of_a_truncated_episode_holds_the_value_of_what_follows(
    tmp_path: Path,
) -> None:
    """As of SB3's, see test_learning."""
    env = IdentityEnv(backend='kinematic')
    options = {'n_steps': env.LENGTH, 'batch_size': 20, 'gamma': 0.9, 'learning_rate': 0.0}
    learner: Any = make_learner('ppo', env, tmp_path, **options)
    steps, kept, values = [], [], []
    step, update, memory = learner.env.step, learner.agent.update, learner.agent.memory

    def keep_step(actions: Any) -> Any:
        steps.append(step(actions))
        return steps[-1]

    def keep_memory(**times: Any) -> None:
        with torch.no_grad():  # before the update trains the scaler
            seen = learner.scaler(steps[-1].final_observation)
            values.append(learner._value(seen)[:, 0])
        kept.append(memory.get_tensor_by_name('rewards')[..., 0].clone())
        update(**times)

    learner.env.step, learner.agent.update = keep_step, keep_memory
    learner.restart(0)
    learner.learn(env.num_envs * env.LENGTH, lambda: True)
    assert len(kept) == 1 and steps[-1].truncated.all()
    (value,) = values
    assert value.abs().min() > 1e-3
    learned_from = steps[-env.LENGTH :]  # before them, the worlds were looked at
    expected = torch.stack([result.reward for result in learned_from])
    expected[-1] += 0.9 * value
    torch.testing.assert_close(kept[0], expected)


def _environment(settings: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in settings.items() if key != 'backend'}
    return {'backend': settings['backend'], 'env': partial(small_env, **rest)}


def _flat(observation: dict[str, Any]) -> Any:
    return np.concatenate([observation[key] for key in KEYS], axis=1)
