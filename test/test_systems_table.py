# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulated and the real deployment are one graph, but for what drives the arm."""

from __future__ import annotations

import importlib
from dataclasses import asdict
from typing import Any

import pytest

pytest.importorskip('rclpy')

from franka_rl_core.settings import build, from_strings
from franka_rl_nodes.systems import SYSTEMS

POLICY = {'policy': 'runs/demo/policy'}
# Parameters that differ: node → parameter → what deploy_sim has, what deploy_real has.
GUARD = {'driver': ('none', 'fci')}
EVALUATOR = {'driver': ('none', 'fci'), 'reset': ('teleport', 'home')}


def settings_of(system: str, **choice: str) -> dict[str, dict[str, Any]]:
    """Give all parameters of all nodes of a system, those with defaults too."""
    table = SYSTEMS[system]
    return {
        node: asdict(build(config, from_strings(config, given)))
        for node, given in table.parameters(table.choose(POLICY | choice)).items()
        for config in [importlib.import_module(f'franka_rl_nodes.{node}_node').CONFIG]
    }


def differences(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Give what differs between the parameters of one node: name → both values."""
    assert one.keys() == other.keys()
    return {key: (one[key], other[key]) for key in one if one[key] != other[key]}


def test_deploy_real_differs_from_deploy_sim_in_one_node() -> None:
    sim, real = settings_of('deploy_sim'), settings_of('deploy_real', driver='fci')
    assert list(sim) == list(real) == ['simulator', 'guard', 'policy', 'evaluator']
    differing = {node: differences(sim[node], real[node]) for node in sim}
    assert differing.pop('simulator')['mode'] == ('streaming', 'fci')
    assert differing == {'guard': GUARD, 'policy': {}, 'evaluator': EVALUATOR}


@pytest.mark.parametrize('driver', ['franka_ros2', 'multipanda'])
def test_a_real_arm_takes_the_place_of_the_simulator(driver: str) -> None:
    simulated = settings_of('deploy_real', driver='fci')
    real = settings_of('deploy_real', driver=driver)
    assert list(real) == list(simulated)[1:] == ['guard', 'policy', 'evaluator']
    for node in real:
        expected = {'driver': ('fci', driver)} if node != 'policy' else {}
        assert differences(simulated[node], real[node]) == expected


def test_nobody_but_the_operator_arms_a_real_arm() -> None:
    from franka_rl_nodes.evaluator_node import EvaluatorConfig

    arms = {
        driver: EvaluatorConfig(**settings_of('deploy_real', driver=driver)['evaluator']).arms
        for driver in ('fci', 'franka_ros2', 'multipanda')
    }
    assert arms == {'fci': True, 'franka_ros2': False, 'multipanda': False}
