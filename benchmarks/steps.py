# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Steps per second on PyBullet, beside panda-gym in the same run.

Needs ``pip install -r requirements/peers.txt``.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from common import median, ratio, rounds, step_rate, write

from franka_rl_core.envs.vector import FrankaVectorEnv


def _panda_gym(control: str, steps: int) -> Callable[[], float]:
    import gymnasium
    import panda_gym  # noqa: F401 - registers the environments

    # Without Gymnasium's wrappers, as our environment is measured.
    env = gymnasium.make('PandaReach-v3', control_type=control, reward_type='dense').unwrapped
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(steps)]

    def measure() -> float:
        start = time.perf_counter()
        for i, action in enumerate(actions):
            _, _, terminated, _, _ = env.step(action)
            if terminated or i % 50 == 49:
                env.reset()
        return steps / (time.perf_counter() - start)

    return measure


class Programs:
    """Two programs with one world each, which do not wait for each other."""

    def __init__(self, control: str, steps: int) -> None:
        context = multiprocessing.get_context('spawn')
        self._pipes = []
        for _ in range(2):
            ours, theirs = context.Pipe()
            context.Process(target=_program, args=(theirs, control, steps), daemon=True).start()
            self._pipes.append(ours)

    def __call__(self) -> float:
        """Measure the steps per second of both together."""
        for pipe in self._pipes:
            pipe.send('measure')
        return sum(pipe.recv() for pipe in self._pipes)

    def close(self) -> None:
        """End the programs."""
        for pipe in self._pipes:
            pipe.send(None)


def _program(pipe: Connection, control: str, steps: int) -> None:
    measure = step_rate(FrankaVectorEnv(control=control), steps)
    while pipe.recv():
        pipe.send(measure())


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=9, help='measurements of each candidate')
    parser.add_argument('--steps', type=int, default=500, help='steps of a measurement')
    parser.add_argument('--json', type=Path, help='write the rows to this file')
    args = parser.parse_args()
    rows = []
    for control in ('ee', 'joints'):
        rows += _rows(control, args)
    write(rows, args.json)


def _rows(control: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    shapes = {
        'one world': (1, 1),
        'two worlds, two processes': (2, 2),
        'eight worlds, one process': (8, 1),
        'eight worlds, two processes': (8, 2),
    }
    envs = {
        name: FrankaVectorEnv(control=control, num_envs=worlds, workers=workers)
        for name, (worlds, workers) in shapes.items()
    }
    candidates: dict[str, Callable[[], float]] = {'panda-gym': _panda_gym(control, args.steps)}
    candidates |= {name: step_rate(env, args.steps) for name, env in envs.items()}
    programs = candidates['two programs'] = Programs(control, args.steps)
    measured = rounds(candidates, args.rounds)
    for used in (*envs.values(), programs):
        used.close()
    return [
        {
            'control': control,
            'candidate': name,
            'steps/s': median(measured[name]),
            'compared with': base,
            'its steps/s': median(measured[base]),
            'ratio': ratio(measured[name], measured[base]),
        }
        for name, base in (
            ('one world', 'panda-gym'),
            ('two programs', 'one world'),
            ('two worlds, two processes', 'one world'),
            ('eight worlds, two processes', 'eight worlds, one process'),
        )
    ]


if __name__ == '__main__':
    main()
