# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``watch_overhead``: what it costs to watch a training."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_learning.config import configure
from franka_rl_learning.training import train

# Steps of the shorter runs of --quick.
_QUICK_STEPS = 2_000
# At most: whole trainings take long.
_ROUNDS = 3
# By default the shortest training there is and one of half a minute, which end before a picture is
# drawn between; and a part of a long one, which draws as often as it may.
_CASES: dict[str, dict[str, Any]] = {
    'reach/apg': {'backend': 'kinematic', 'algorithm': 'apg'},
    'touch_point/apg': {'backend': 'kinematic', 'algorithm': 'apg', 'task': 'touch_point'},
    'touch_plane/ddpg': {
        'backend': 'ikpy',
        'algorithm': 'ddpg',
        'task': 'touch_plane',
        'steps': 20_000,
        'plot_interval': 1,
        'evaluation_episodes': 0,
    },
}


def measure(options: BenchOptions) -> Iterator[Row]:
    """
    Measure whole trainings by default, and how much of their time goes into record and picture.

    Of the same training: from one to the next, a shared machine differs by more than that. Each in
    a process of its own, as ``franka-rl train`` is: what draws may not be imported yet.
    """
    with multiprocessing.get_context('spawn').Pool(1, maxtasksperchild=1) as fresh:
        for name, case in _CASES.items():
            settings = case | ({'steps': _QUICK_STEPS} if options.quick else {})
            times = min(options.rounds, _ROUNDS)
            runs = [fresh.apply(_seconds, (settings,)) for _ in range(times)]
            ratios = [whole / (whole - watching) for whole, watching in runs]
            whole, watching = zip(*runs, strict=True)
            yield Row(
                f'watch_overhead/{name}',
                statistics.median(ratios),
                '× the time without',
                settings=settings | {'seconds': whole, 'of_it_watching': watching},
            )


def _seconds(settings: dict[str, Any]) -> tuple[float, float]:
    """Give the duration of a training, with export and evaluation, and of watching it [s]."""
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        environment, run = configure({**settings, 'out': str(Path(folder) / 'run'), 'plot': True})
        env = FrankaVectorEnv(environment)
        try:
            start = time.perf_counter()
            result = train(env, run)
            return time.perf_counter() - start, result.watching_seconds
        finally:
            env.close()
