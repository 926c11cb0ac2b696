# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``touch``: how long it takes to learn to touch points, and how well they are touched."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.evaluation import EvaluationReport, as_it_is, evaluate
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_learning.config import configure
from franka_rl_learning.training import TrainResult, goal_seed, train

# Where every policy is judged, without noise, whatever it was trained on.
JUDGE = 'ikpy'


@dataclass(frozen=True)
class Case:
    """A task, and what it is learned on, with what suits it there."""

    task: str
    backend: str
    episodes: int  # of the evaluation

    @property
    def name(self) -> str:
        """What rows of it end in."""
        return f'{self.task}/{self.backend}'


QUICK = (Case('touch_point', 'kinematic', 20), Case('touch_plane', 'kinematic', 90))
CASES = (*QUICK, Case('touch_plane', 'ikpy', 90))


def measure(options: BenchOptions) -> Iterator[Row]:
    """Train with the defaults of ``franka-rl train``, and evaluate on ikpy."""
    for case in QUICK if options.quick else CASES:
        with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder:
            result, report, settings = _learned(case, Path(folder))
        yield Row(f'touch_train_seconds/{case.name}', result.seconds, 's', settings=settings)
        yield Row(f'touch_success/{case.name}', report.success_rate, 'success rate')
        period = settings['control_period']
        median = report.time_to_success_s['median'] / period
        yield Row(f'touch_steps_to_goal/{case.name}', median, 'steps, median')


def _learned(case: Case, folder: Path) -> tuple[TrainResult, EvaluationReport, dict[str, Any]]:
    chosen = {'task': case.task, 'backend': case.backend, 'out': str(folder / 'run')}
    environment, run = configure({**chosen, 'evaluation_episodes': 0})
    env = FrankaVectorEnv(environment)
    try:
        result = train(env, run)
    finally:
        env.close()
    assert result.bundle is not None
    policy = PolicyBundle(result.bundle)
    env = FrankaVectorEnv(as_it_is(environment, backend=JUDGE, num_envs=9))
    try:
        report = evaluate(env, policy.act, case.episodes, goal_seed(0, case.episodes, 4))
    finally:
        env.close()
    settings = {
        'control_period': environment.control_period,
        'algorithm': policy.metadata.training,
        'num_envs': environment.num_envs,
        'judged_on': JUDGE,
        'evaluation': report.to_dict(),
    }
    return result, report, settings
