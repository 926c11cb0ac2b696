# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Steps per second on PyBullet, beside panda-gym in the same run.

Needs ``pip install -r requirements/peers.txt``.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

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


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=9, help='measurements of each candidate')
    parser.add_argument('--steps', type=int, default=500, help='steps of a measurement')
    parser.add_argument('--json', type=Path, help='write the rows to this file')
    args = parser.parse_args()
    rows = []
    for control in ('ee', 'joints'):
        one = FrankaVectorEnv(control=control)
        two = FrankaVectorEnv(control=control, num_envs=2, workers=2)
        measured = rounds(
            {
                'panda-gym': _panda_gym(control, args.steps),
                'one world': step_rate(one, args.steps),
                'two worlds, two processes': step_rate(two, args.steps),
            },
            args.rounds,
        )
        for name, base in (('one world', 'panda-gym'), ('two worlds, two processes', 'one world')):
            rows.append(
                {
                    'control': control,
                    'candidate': name,
                    'steps/s': median(measured[name]),
                    'compared with': base,
                    'its steps/s': median(measured[base]),
                    'ratio': ratio(measured[name], measured[base]),
                }
            )
        one.close()
        two.close()
    write(rows, args.json)


if __name__ == '__main__':
    main()
