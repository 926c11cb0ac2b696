# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Latency of the deployment graph: stamp of the observation to publication of the command."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from common import write

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.policies.proportional import write_proportional_bundle


def _measure(rate: float, args: argparse.Namespace) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        bundle, numbers = Path(folder) / 'policy', Path(folder) / 'numbers.json'
        if args.policy and rate == 25.0:
            bundle = args.policy
        else:
            # A slower scale, so that an episode lasts as long at 100 Hz.
            config = EnvConfig(control_period=1.0 / rate, action_scale=1.25 / rate)
            write_proportional_bundle(bundle, config)
        words = ['franka-rl', 'up', 'deploy_sim', f'policy:={bundle}', f'episodes:={args.episodes}']
        words += [f'rate:={args.stream}', '--json', str(numbers)]
        subprocess.run(words, check=True, stdout=sys.stderr)
        content = json.loads(numbers.read_text())
    return {
        'policy [Hz]': rate,
        'stream [Hz]': args.stream,
        'episodes': content['episodes'],
        'success rate': content['success_rate'],
        'p50 [ms]': content['command_latency_ms']['p50'],
        'p99 [ms]': content['command_latency_ms']['p99'],
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--episodes', type=int, default=50, help='episodes of each measurement')
    parser.add_argument('--stream', type=float, default=100.0, help='joint states a second')
    parser.add_argument('--policy', type=Path, help='bundle for 25 Hz, else a scripted one')
    parser.add_argument('--json', type=Path, help='write the rows to this file')
    args = parser.parse_args()
    write([_measure(rate, args) for rate in (25.0, 100.0)], args.json)


if __name__ == '__main__':
    main()
