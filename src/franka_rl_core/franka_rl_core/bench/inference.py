# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``inference``: how long a bundle takes to act on one observation."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.bench.timing import durations
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.policies.proportional import write_proportional_bundle

CALLS = 2_000
_WARM_UP = 100


def measure(options: BenchOptions) -> Iterator[Row]:
    """Measure the scripted bundle."""
    calls = CALLS // 10 if options.quick else CALLS
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        write_proportional_bundle(Path(folder), EnvConfig(backend='mock'))
        policy = PolicyBundle(folder)
        env = FrankaVectorEnv(backend='mock')
        observation, _ = env.reset(seed=0)
        env.close()
        durations(policy.act, [observation] * _WARM_UP)
        times = durations(policy.act, [observation] * calls)
    settings = {'calls': calls, 'worlds': 1, 'policy': 'proportional controller'}
    for percentile in (50, 99):
        value = 1e6 * float(np.percentile(times, percentile))
        yield Row(f'inference_us/p{percentile}', value, 'µs', settings=settings)
