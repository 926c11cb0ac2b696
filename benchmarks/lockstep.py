# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
What two hops over ROS cost a step.

Trainer → env node → simulator node, beside the same step in one process.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

import rclpy
from common import median, rounds, step_seconds, write

from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_nodes.ros_vector_env import RosVectorEnv


def _node(name: str, **parameters: object) -> subprocess.Popen[bytes]:
    words = [sys.executable, '-m', f'franka_rl_nodes.{name}_node', '--ros-args']
    for key, value in parameters.items():
        words += ['-p', f'{key}:={value}']
    return subprocess.Popen(words)


def _measure(backend: str, num_envs: int, args: argparse.Namespace) -> dict[str, object]:
    nodes = [
        _node('simulator', backend=backend, num_worlds=num_envs),
        _node('env', num_envs=num_envs),
    ]
    try:
        graph = RosVectorEnv()
        local = FrankaVectorEnv(graph.config)
        measured = rounds(
            {
                'graph': step_seconds(graph, args.steps),
                'local': step_seconds(local, args.steps),
            },
            args.rounds,
        )
        graph.close()
        local.close()
    finally:
        for node in nodes:
            node.terminate()
            node.wait(10)
    over, inside = median(measured['graph']), median(measured['local'])
    return {
        'backend': backend,
        'worlds': num_envs,
        'in process [ms]': 1e3 * inside,
        'two hops [ms]': 1e3 * over,
        'more [ms]': 1e3 * (over - inside),
        'more [%]': 100.0 * (over / inside - 1.0),
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--rounds', type=int, default=5, help='measurements of each candidate')
    parser.add_argument('--steps', type=int, default=200, help='steps of a measurement')
    parser.add_argument('--json', type=Path, help='write the rows to this file')
    args = parser.parse_args()
    rclpy.init()
    rows = [
        _measure(backend, num_envs, args)
        for backend, num_envs in (('mock', 1), ('pybullet', 1), ('pybullet', 64))
    ]
    rclpy.try_shutdown()
    write(rows, args.json)


if __name__ == '__main__':
    main()
