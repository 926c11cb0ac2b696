# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``watch_overhead``: what it costs to watch a training."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.bench.timing import rounds
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_learning.config import configure
from franka_rl_learning.training import train

# Steps of the shorter runs of --quick.
_QUICK_STEPS = 2_000
# At most: whole trainings take long.
_ROUNDS = 3
# By default the shortest training there is and one of half a minute; and a part of a long one,
# which draws again and again.
_CASES: dict[str, dict[str, Any]] = {
    'reach/apg': {'backend': 'kinematic', 'algorithm': 'apg'},
    'touch_point/apg': {'backend': 'kinematic', 'algorithm': 'apg', 'task': 'touch_point'},
    'touch_plane/ddpg': {
        'backend': 'ikpy',
        'algorithm': 'ddpg',
        'task': 'touch_plane',
        'steps': 20_000,
        'evaluation_episodes': 0,
    },
}


def measure(options: BenchOptions) -> Iterator[Row]:
    """Measure whole trainings by default, with and without pictures, in turn."""
    for name, case in _CASES.items():
        settings = case | ({'steps': _QUICK_STEPS} if options.quick else {})
        candidates = {str(plot): partial(_seconds, settings, plot) for plot in (True, False)}
        _seconds(settings | {'steps': _QUICK_STEPS}, plot=True)  # imports what is needed
        measured = rounds(candidates, min(options.rounds, _ROUNDS))
        ratios = [a / b for a, b in zip(measured['True'], measured['False'], strict=True)]
        yield Row(
            f'watch_overhead/{name}',
            statistics.median(ratios),
            '× the time without',
            settings=settings | {'seconds': measured['True'], 'seconds_without': measured['False']},
        )


def _seconds(settings: dict[str, Any], plot: bool) -> float:
    """Give the duration of a training, with export and evaluation [s]."""
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
        out = {'out': str(Path(folder) / 'run'), 'plot': plot}
        environment, run = configure({**settings, **out})
        env = FrankaVectorEnv(environment)
        try:
            start = time.perf_counter()
            train(env, run)
            return time.perf_counter() - start
        finally:
            env.close()
