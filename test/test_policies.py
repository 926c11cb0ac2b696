# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The policies that ship: whole, with a card each, and as good as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.evaluation import as_it_is, evaluate
from franka_rl_core.policies.bundle import PolicyBundle

FOLDER = Path(__file__).parents[1] / 'policies'
POLICIES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def test_there_are_policies_for_both_robots_and_both_controls() -> None:
    assert POLICIES == ['reach_ee_fr3', 'reach_ee_panda', 'reach_joints_panda']


@pytest.mark.parametrize('name', POLICIES)
def test_a_policy_reaches_on_pybullet(name: str) -> None:
    bundle = PolicyBundle(FOLDER / name)
    task, control, robot = name.split('_')
    config = bundle.metadata.config
    assert (config.task, config.control, config.robot) == (task, control, robot)
    env = FrankaVectorEnv(as_it_is(config, backend='pybullet', num_envs=1))
    try:
        assert evaluate(env, bundle.act, 20, seed=3).success_rate >= 0.9
    finally:
        env.close()


@pytest.mark.parametrize('name', POLICIES)
def test_a_card_says_how_it_was_made_and_judged(name: str) -> None:
    card = (FOLDER / name / 'README.md').read_text()
    for text in (f'# {name}', 'franka-rl train', '| PyBullet |', '| fci, joint_trajectory |'):
        assert text in card
