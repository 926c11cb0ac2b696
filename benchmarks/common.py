# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
What the benchmarks share.

Candidates are measured in turn, so that a noisy machine disturbs all alike.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from franka_rl_core.envs.base import GoalVectorEnv


def rounds(candidates: Mapping[str, Callable[[], float]], count: int) -> dict[str, list[float]]:
    """Measure every candidate ``count`` times, in turn."""
    measured: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(count):
        for name, measure in candidates.items():
            measured[name].append(measure())
    return measured


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Give the median of the ratios of the rounds."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def median(values: list[float]) -> float:
    """Give the median."""
    return statistics.median(values)


def step_rate(env: GoalVectorEnv, steps: int) -> Callable[[], float]:
    """Give a function that measures world steps per second under random actions."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(steps)]

    def measure() -> float:
        start = time.perf_counter()
        for action in actions:
            env.step(action)
        return steps * env.num_envs / (time.perf_counter() - start)

    return measure


def step_seconds(env: GoalVectorEnv, steps: int) -> Callable[[], float]:
    """Give a function that measures the median duration of a step [s]."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(steps)]

    def measure() -> float:
        times = np.empty(steps)
        for i, action in enumerate(actions):
            start = time.perf_counter()
            env.step(action)
            times[i] = time.perf_counter() - start
        return float(np.median(times))

    return measure


def write(rows: list[dict[str, Any]], path: Path | None) -> None:
    """Print the rows as a Markdown table, and write them as JSON."""
    names = list(rows[0])
    print('| ' + ' | '.join(names) + ' |')
    print('|' + '---|' * len(names))
    for row in rows:
        print('| ' + ' | '.join(_show(row[name]) for name in names) + ' |')
    load = os.getloadavg()[0]
    print(f'\nPython {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}')
    if path is not None:
        path.write_text(json.dumps(rows, indent=2) + '\n')


def _show(value: Any) -> str:
    return (
        f'{value:.3g}'
        if isinstance(value, float) and value < 100
        else (f'{value:.0f}' if isinstance(value, float) else str(value))
    )
