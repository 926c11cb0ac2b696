# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``memory``: peak memory of a program with many worlds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.exceptions import FrankaRLError

WORLDS = (4_096, 65_536)
STEPS = 20
_TIMEOUT_S = 300.0
_PROGRAM = """
import re, sys
import numpy as np
from franka_rl_core.envs.vector import FrankaVectorEnv
worlds, steps = map(int, sys.argv[1:])
env = FrankaVectorEnv(backend='kinematic', num_envs=worlds)
env.reset(seed=0)
random = np.random.default_rng(0)
for _ in range(steps):
    env.step(random.uniform(-1.0, 1.0, env.action_space.shape).astype(np.float32))
# Not getrusage: its peak includes that of the program that started this one.
print(re.search(r'VmHWM:\\s+(\\d+) kB', open('/proc/self/status').read())[1])
"""


def measure(options: BenchOptions) -> Iterator[Row]:
    """Measure the batched kinematics on the CPU, in fresh processes."""
    baseline = _peak_mb(1)
    for worlds in WORLDS:
        value = _peak_mb(worlds)
        settings = {
            'backend': 'kinematic',
            'num_envs': worlds,
            'steps': STEPS,
            'baseline_mb': baseline,
            'bytes_per_world': 1e6 * (value - baseline) / worlds,
        }
        yield Row(f'memory_mb/{worlds}', value, 'MB', settings=settings)


def _peak_mb(worlds: int) -> float:
    """Measure the peak of the resident memory [MB]."""
    words = [sys.executable, '-c', _PROGRAM, str(worlds), str(STEPS)]
    try:
        result = subprocess.run(
            words, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True
        )
    except subprocess.SubprocessError as error:
        reason = getattr(error, 'stderr', None) or error
        raise FrankaRLError(f'{worlds} worlds could not be measured: {reason}') from error
    return int(result.stdout.split()[-1]) * 1024 / 1e6  # Linux counts in KiB
