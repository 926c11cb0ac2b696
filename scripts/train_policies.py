#!/usr/bin/env python3
# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Trains and judges the policies that ship in ``policies/``, and writes a card for each.

    . ./env.sh && python scripts/train_policies.py [NAME ...]

A policy is trained with randomisation on the kinematic backend, and judged on PyBullet and on the
simulated arm that refuses what Franka's refuses, with both controllers.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[1] / 'policies'
# name → robot, control
POLICIES = {
    'reach_ee_panda': ('panda', 'ee'),
    'reach_joints_panda': ('panda', 'joints'),
    'reach_ee_fr3': ('fr3', 'ee'),
}
RANDOMIZATION = {
    'delay_steps': 2,
    'action_scale': 0.1,
    'position_noise': 0.002,
    'velocity_noise': 0.02,
    'tracking_lag': 0.2,
}
CONTROLLERS = ('joint_follower', 'joint_trajectory')
COLUMNS = (
    'judged on',
    'episodes',
    'success rate [95 %]',
    'final distance [cm]',
    'time [s]',
    'reflexes',
)
PYBULLET_EPISODES, FCI_EPISODES = 200, 40


def training(robot: str, control: str, out: str) -> list[str]:
    """Give the command that trains."""
    words = ['franka-rl', 'train', 'reach', '--robot', robot, '--control', control]
    words += ['--backend', 'kinematic', '--algo', 'ppo', '--seed', '0']
    for name, value in RANDOMIZATION.items():
        words += ['--set', f'randomization.{name}={value}']
    return [*words, '--out', out]


def evaluations(name: str, robot: str) -> dict[str, list[str]]:
    """Give the commands that judge: what on → command."""
    pybullet = ['franka-rl', 'evaluate', f'policies/{name}', '--backend', 'pybullet']
    commands = {'PyBullet': [*pybullet, '--episodes', str(PYBULLET_EPISODES), '--seed', '1']}
    for controller in CONTROLLERS:
        words = ['franka-rl', 'up', 'deploy_real', 'driver:=fci', f'robot:={robot}']
        words += [f'controller:={controller}', f'policy:=policies/{name}']
        commands[f'fci, {controller}'] = [*words, f'episodes:={FCI_EPISODES}']
    return commands


def run(words: list[str]) -> dict[str, Any]:
    """Run a command in the project's folder and give its numbers."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / 'numbers.json'
        command = [*words, '--json', str(file)]
        subprocess.run(command, check=True, cwd=FOLDER.parent, stdout=sys.stderr)
        numbers: dict[str, Any] = json.loads(file.read_text())
        return numbers


def row(where: str, numbers: dict[str, Any]) -> str:
    """Give a row of the card's table."""
    low, high = numbers['success_interval']
    cells = [
        where,
        str(numbers['episodes']),
        f'{numbers["success_rate"]:.3f} [{low:.3f}, {high:.3f}]',
        f'{100.0 * numbers["final_distance_m"]["mean"]:.1f}',
        f'{numbers["time_to_success_s"]["mean"]:.2f}',
        str(numbers.get('reflexes', '–')),
    ]
    return '| ' + ' | '.join(cells) + ' |'


def card(name: str, robot: str, control: str, judged: dict[str, dict[str, Any]]) -> str:
    """Write what a user has to know of a policy."""
    what = 'displaces the tool' if control == 'ee' else 'displaces the joints'
    commands = [training(robot, control, f'runs/{name}'), *evaluations(name, robot).values()]
    rows = [row(where, numbers) for where, numbers in judged.items()]
    return '\n'.join(
        [
            f'# {name}',
            '',
            f'Brings the tool of a `{robot}` to within 5 cm of a goal in a box of 0.3 m in front',
            f'of it (task `reach`); it {what}, 25 times a second. Trained with randomisation of',
            'delay, action scale, observation noise and tracking lag. It knows nothing of',
            'obstacles, and was never tried on a real arm.',
            '',
            f'| {" | ".join(COLUMNS)} |',
            f'| --- {"| --: " * (len(COLUMNS) - 1)}|',
            *rows,
            '',
            'Made by `python scripts/train_policies.py`, which runs:',
            '',
            *(f'    {" ".join(command)}' for command in commands),
            '',
        ]
    )


def make(name: str) -> None:
    """Train a policy, judge it, and write its card."""
    robot, control = POLICIES[name]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / name
        run(training(robot, control, str(out)))
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        shutil.copytree(out / 'policy', FOLDER / name)
    judged = {where: run(words) for where, words in evaluations(name, robot).items()}
    (FOLDER / name / 'README.md').write_text(card(name, robot, control, judged))


def main() -> None:
    """Make those that are named, all if none is."""
    names = sys.argv[1:] or list(POLICIES)
    if unknown := set(names) - set(POLICIES):
        sys.exit(f'unknown: {", ".join(unknown)}; known: {", ".join(POLICIES)}')
    for name in names:
        make(name)


if __name__ == '__main__':
    main()
