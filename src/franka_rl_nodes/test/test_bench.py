# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What ``franka-rl bench`` measures with the nodes."""

from importlib.metadata import entry_points

import pytest

from franka_rl_core.bench.row import BenchOptions
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import FrankaRLError
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_learning import bench as learning
from franka_rl_nodes.bench import deployment

pytestmark = pytest.mark.real_time

QUICK = BenchOptions(quick=True)
NUMBERS = {'episodes': 4, 'success_rate': 1.0}
KINDS = ('deploy_latency_ms', 'policy_computation_ms')
NAMES = [f'{kind}/{p}/{hz}' for hz in (25, 100) for kind in KINDS for p in ('p50', 'p99')]


@pytest.fixture(autouse=True)
def nothing_is_trained(tmp_path, monkeypatch):
    """A scripted policy stands in for those that the suite trains."""
    write_proportional_bundle(tmp_path, EnvConfig())
    monkeypatch.setattr(learning, 'trained_bundles', lambda options: iter([('apg', tmp_path)]))


def test_every_group_of_the_nodes_can_be_loaded():
    groups = entry_points(group='franka_rl.benchmarks')
    ours = {entry.name: entry for entry in groups if entry.value.startswith('franka_rl_nodes')}
    assert ours.keys() == {'fci', 'ros', 'ros_deploy_latency', 'zero_shot_deploy'}
    assert all(callable(entry.load()) for entry in ours.values())


@pytest.mark.slow
def test_the_latency_of_the_deployment_graph_is_measured():
    rows = list(deployment.measure_latency(QUICK))
    assert [row.name for row in rows] == NAMES
    for p50, p99 in zip(rows[::2], rows[1::2], strict=True):
        assert p50.unit == p99.unit == 'ms' and 0.0 < p50.value <= p99.value
        assert p50.settings['stream_hz'] == 100.0 and p50.settings['episodes'] == 4
    assert rows[0].settings['policy'] == 'apg' and rows[0].settings['success_rate'] == 1.0


def test_a_graph_that_lost_all_targets_has_no_latency(monkeypatch):
    numbers = {**NUMBERS, 'command_latency_ms': {'p50': None, 'p99': None}}
    monkeypatch.setattr(deployment, '_deployed', lambda bundle, options: numbers)
    with pytest.raises(FrankaRLError, match='no target of a policy with 25 Hz'):
        next(deployment.measure_latency(QUICK))


def test_zero_shot_is_judged_in_the_graph(monkeypatch):
    numbers = {**NUMBERS, 'bundle': 'somewhere', 'command_latency_ms': {'p50': 2.0, 'p99': 4.0}}
    monkeypatch.setattr(deployment, '_deployed', lambda bundle, options: numbers)
    (row,) = deployment.measure_zero_shot(QUICK)
    assert (row.name, row.value) == ('zero_shot/apg/deploy_sim', 1.0)
    assert row.settings['command_latency_ms']['p99'] == 4.0 and 'bundle' not in row.settings


def test_reflexes_are_counted_for_every_arm_and_rate(monkeypatch):
    asked = []

    def deployed(bundle, options, system, *arm):
        asked.append((system, *arm))
        guard = {'passed': 1, 'clipped': 2, 'held': 0}
        return NUMBERS | {'reflexes': len(asked), 'guard': guard, 'policy_computation_ms': {}}

    monkeypatch.setattr(deployment, '_deployed', deployed)
    rows = list(deployment.measure_fci(QUICK))
    assert len(rows) == len({row.name for row in rows}) == 12
    assert [row.value for row in rows] == list(range(1, 13))
    assert ('deploy_real', 'robot:=fr3', 'controller:=joint_trajectory', 'driver:=fci') in asked
