# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The exported policy equals the original."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learning_helpers import QUICK, ROWS, make_learner, small_env

from franka_rl_core.envs.config import make_parts
from franka_rl_core.policies.bundle import PolicyBundle, write_bundle
from franka_rl_core.policies.metadata import describe
from franka_rl_learning.algorithms.base import Learner

# The network is computed in float32 by two libraries; the normaliser is exact.
TOLERANCE = 1e-5


def _learner(name: str, log: Path, backend: str = 'mock') -> Learner:
    env = small_env(backend=backend, control='joints')
    learner = make_learner(name, env, log, **QUICK[name])
    learner.restart(0)
    learner.learn(300, lambda: True)
    normalizer = getattr(learner, '_normalizer', None)
    if normalizer:
        head: Any = learner.model.policy.action_net  # type: ignore[attr-defined]
        _spread(head)
        for rms in normalizer.obs_rms.values():  # far from mean 0 and variance 1
            rms.mean = rms.mean + np.linspace(-3.0, 3.0, len(rms.mean))
            rms.var = rms.var * np.geomspace(1e-3, 1e3, len(rms.var))
    scaler: Any = getattr(learner, 'scaler', None)
    if scaler:
        _spread(learner.policy[-1])  # type: ignore[attr-defined]
        size = len(scaler.running_mean)
        scaler.running_mean += torch.linspace(-3.0, 3.0, size)
        scaler.running_variance *= torch.logspace(-3.0, 3.0, size)
    return learner


def _spread(layer: Any) -> None:
    """Let actions lie all over [-1, 1], as after a long training."""
    layer.weight.data /= layer.weight.data.norm(dim=1, keepdim=True)
    layer.bias.data.zero_()


def _bundle(learner: Learner, folder: Path) -> PolicyBundle:
    config = small_env(control='joints').config
    write_bundle(folder, learner.graph(), describe(config, make_parts(config)))
    return PolicyBundle(folder)


def _observations(count: int) -> dict[str, Any]:
    env = small_env(control='joints', num_envs=count)
    observation, _ = env.reset(seed=8)
    rng = np.random.default_rng(0)
    return {
        key: value + rng.normal(0.0, 0.5, value.shape).astype(np.float32)
        for key, value in observation.items()
    }


@pytest.mark.parametrize(('name', 'backend'), ROWS)
def test_export_and_original_agree(name: str, backend: str, tmp_path: Path) -> None:
    learner = _learner(name, tmp_path, backend)
    bundle = _bundle(learner, tmp_path / 'policy')
    for count in (1, 64):
        observation = _observations(count)
        exported, original = bundle.act(observation), learner.act(observation)
        assert exported.shape == (count, 7) and exported.dtype == np.float32
        assert np.abs(exported).max() <= 1.0
        difference = float(np.abs(exported - original).max())
        print(f'{name} on {backend}, {count} rows: largest difference {difference:.1e}')
        assert difference <= TOLERANCE
    assert exported.std(axis=0).min() > 1e-3  # it depends on what it sees


def test_a_mean_far_away_costs_no_digits(tmp_path: Path) -> None:
    learner = _learner('ppo', tmp_path)
    rms = learner._normalizer.obs_rms['observation']  # type: ignore[attr-defined]
    rms.mean[:], rms.var[:] = 1.0 + 3e-8, 1e-8  # float32 takes this mean for 1
    observation = _observations(64)
    observation['observation'][:] = 1.0 + 1e-4 * observation['observation']
    bundle = _bundle(learner, tmp_path / 'policy')
    np.testing.assert_allclose(bundle.act(observation), learner.act(observation), atol=TOLERANCE)


@pytest.mark.parametrize('backend', ['kinematic', 'mock'])
def test_equal_policies_give_equal_files_that_name_no_path(backend: str, tmp_path: Path) -> None:
    learner = _learner('ppo', tmp_path, backend)
    graph = learner.graph()
    assert graph == learner.graph()
    for word in (b'/home', b'.py', b'site-packages', str(Path(__file__).parents[3]).encode()):
        assert word not in graph
