# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Groups ``zero_shot_deploy`` and ``ros_deploy_latency``: policies in the streaming graph."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
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
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        # Its 50 steps last half a second, in which not all goals can be reached.
        config = EnvConfig(control_period=1.0 / FAST_HZ, action_scale=1.25 / FAST_HZ)
        write_proportional_bundle(Path(folder), config)
        yield from _latency(FAST_HZ, 'proportional controller', Path(folder), options)


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
    for percentile, value in latency.items():
        row = f'deploy_latency_ms/{percentile}/{policy_hz:g}'
        yield Row(row, value, 'ms', settings=settings)


def _deployed(bundle: Path, options: BenchOptions) -> dict[str, Any]:
    """Run ``franka-rl up deploy_sim``, and give its numbers."""
    episodes = 4 if options.quick else 40
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        file = Path(folder) / 'numbers.json'
        program = 'from franka_rl_core.cli.main import main; main()'
        words = [sys.executable, '-c', program, 'up', 'deploy_sim', f'policy:={bundle}']
        words += [f'episodes:={episodes}', f'rate:={STREAM_HZ}', '--json', str(file)]
        with running(words) as process:
            try:
                code = process.wait(START_TIMEOUT_S + _EPISODE_TIMEOUT_S * episodes)
            except subprocess.TimeoutExpired as error:
                raise FrankaRLError(f'deploy_sim did not end within {error.timeout:g} s') from error
        if code != 0:
            raise FrankaRLError(f'deploy_sim ended with exit code {code}')
        content: dict[str, Any] = json.loads(file.read_text())
        return content
