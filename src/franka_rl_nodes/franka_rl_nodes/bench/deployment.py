# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Groups ``zero_shot_deploy``, ``ros_deploy_latency``, ``fci``: policies in the real-time graph."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import FrankaRLError
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_nodes.bench.processes import START_TIMEOUT_S, running

# Joint states and commands per second [Hz].
STREAM_HZ = 100.0
# A faster policy than those that are trained acts so often [Hz].
FAST_HZ = 100.0
# Arms with a controller each, and rates of policies [Hz], that are to cause no reflex.
FCI_ARMS = (('panda', 'joint_follower'), ('fr3', 'joint_follower'), ('fr3', 'joint_trajectory'))
FCI_HZ = (10.0, 25.0, 50.0, 100.0)
# What the evaluator measures → the rows of it.
_ROWS = {
    'command_latency_ms': 'deploy_latency_ms',
    'policy_computation_ms': 'policy_computation_ms',
}
# An episode lasts 2 s at most, and putting the arm back takes as long.
_EPISODE_TIMEOUT_S = 8.0


def measure_zero_shot(options: BenchOptions) -> Iterator[Row]:
    """Measure the policies of ``zero_shot`` in the graph that drives an arm."""
    from franka_rl_learning.bench import trained_bundles

    for name, bundle in trained_bundles(options):
        numbers = _deployed(bundle, options)
        settings = {
            'backend': 'pybullet',
            'system': 'deploy_sim',
            **{key: value for key, value in numbers.items() if key != 'bundle'},
        }
        row = f'zero_shot/{name}/deploy_sim'
        yield Row(row, float(numbers['success_rate']), 'success rate', settings=settings)


def measure_latency(options: BenchOptions) -> Iterator[Row]:
    """Measure from the stamp of a joint state to the publication of the command made of it."""
    from franka_rl_learning.bench import trained_bundles

    name, bundle = next(trained_bundles(options))
    yield from _latency(1.0 / EnvConfig.control_period, name, bundle, options)
    # Its 50 steps last half a second, in which not all goals can be reached.
    with _proportional(FAST_HZ) as bundle:
        yield from _latency(FAST_HZ, 'proportional controller', bundle, options)


def measure_fci(options: BenchOptions) -> Iterator[Row]:
    """Count the reflexes of the arm that refuses what Franka's refuses, by rate of the policy."""
    for robot, controller in FCI_ARMS:
        for policy_hz in FCI_HZ:
            with _proportional(policy_hz, robot) as bundle:
                arm = (f'robot:={robot}', f'controller:={controller}', 'driver:=fci')
                numbers = _deployed(bundle, options, 'deploy_real', *arm)
            settings = {
                key: numbers[key]
                for key in ('episodes', 'success_rate', 'guard', 'policy_computation_ms')
            }
            name = f'fci_reflexes/{robot}/{controller}/{policy_hz:g}'
            yield Row(name, float(numbers['reflexes']), 'reflexes', settings=settings)


@contextmanager
def _proportional(policy_hz: float, robot: str = EnvConfig.robot) -> Iterator[Path]:
    """Give a bundle that acts so often, and asks for 1.25 m/s at most."""
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        period = 1.0 / policy_hz
        safety = {'max_target_age': max(0.15, 1.5 * period)}
        config = EnvConfig(
            robot=robot, control_period=period, action_scale=1.25 * period, safety=safety
        )
        write_proportional_bundle(Path(folder), config)
        yield Path(folder)


def _latency(policy_hz: float, name: str, bundle: Path, options: BenchOptions) -> Iterator[Row]:
    numbers = _deployed(bundle, options)
    latency = numbers['command_latency_ms']
    if None in latency.values():
        raise FrankaRLError(f'the guard reported no target of a policy with {policy_hz:g} Hz')
    settings = {
        'policy': name,
        'stream_hz': STREAM_HZ,
        'episodes': numbers['episodes'],
        'success_rate': numbers['success_rate'],
    }
    for kind in ('command_latency_ms', 'policy_computation_ms'):
        for percentile, value in numbers[kind].items():
            name = f'{_ROWS[kind]}/{percentile}/{policy_hz:g}'
            yield Row(name, value, 'ms', settings=settings)


def _deployed(
    bundle: Path, options: BenchOptions, system: str = 'deploy_sim', *chosen: str
) -> dict[str, Any]:
    """Run ``franka-rl up SYSTEM``, and give its numbers."""
    # On the arm that refuses, an episode takes as long again to come home.
    episodes = 4 if options.quick else 40 if system == 'deploy_sim' else 10
    if system == 'deploy_sim':
        chosen = (f'rate:={STREAM_HZ}', *chosen)
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        file = Path(folder) / 'numbers.json'
        program = 'from franka_rl_core.cli.main import main; main()'
        words = [sys.executable, '-c', program, 'up', system, f'policy:={bundle}', *chosen]
        words += [f'episodes:={episodes}', '--json', str(file)]
        with running(words) as process:
            try:
                code = process.wait(START_TIMEOUT_S + _EPISODE_TIMEOUT_S * episodes)
            except subprocess.TimeoutExpired as error:
                raise FrankaRLError(f'{system} did not end within {error.timeout:g} s') from error
        if code != 0:
            raise FrankaRLError(f'{system} ended with exit code {code}')
        content: dict[str, Any] = json.loads(file.read_text())
        return content
