# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs the system that drives a real arm, on the simulated one that refuses as those do."""

from __future__ import annotations

import json
import os
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.exit_codes import DONE, INTERRUPTED
from franka_rl_nodes import cli
from franka_rl_nodes.prove.conditions import Condition
from franka_rl_nodes.prove.recording import Recording
from franka_rl_nodes.systems import find_system

_SYSTEM = 'deploy_real'
# DDS: the first process of a ROS domain takes this UDP port, and domains are so far apart.
_FIRST_PORT, _PORTS = 7410, 250
# Beyond it, ports are those that the system gives to anybody.
_LAST_DOMAIN = 101


@dataclass(frozen=True)
class Plan:
    """
    What is run under every condition.

    :param policy: folder of the bundle.
    :param domain: ROS domain; -1 for one that nobody on this machine uses.
    """

    policy: Path
    robot: str
    controller: str = 'joint_follower'
    episodes: int = 20
    seed: int = 1
    domain: int = -1

    def system(self, condition: Condition, folder: Path) -> dict[str, dict[str, str]]:
        """Give the nodes of a real arm's system and a recorder, with their parameters."""
        chosen = {
            'policy': str(self.policy),
            'robot': self.robot,
            'driver': 'fci',
            'controller': self.controller,
            'episodes': str(self.episodes),
            'seed': str(self.seed),
            'fci': json.dumps(condition.settings),
            'result': str(folder / 'numbers.json'),
        }
        recorder = {
            'robot': self.robot,
            'controller': self.controller,
            'out': str(folder / 'recording.npz'),
        }
        system = find_system(_SYSTEM)
        return {'recorder': recorder, **system.parameters(system.choose(chosen))}


@dataclass(frozen=True)
class Outcome:
    """
    What a condition came to.

    :param numbers: the evaluator's; None where it did not get to its end.
    :param recording: of the same run; None as well.
    :param problem: why it did not get to its end, '' if it did.
    """

    condition: Condition
    numbers: dict[str, Any] | None = None
    recording: Recording | None = None
    problem: str = ''


def check(plan: Plan, conditions: list[Condition]) -> None:
    """
    Refuse a plan before anything of it is started.

    :raises RefusedError: something that a node needs is wrong, or rclpy is missing.
    """
    with tempfile.TemporaryDirectory(prefix='franka_rl_') as folder, _ros_domain(plan.domain):
        for condition in conditions:
            cli.check(plan.system(condition, Path(folder)))


def run(plan: Plan, condition: Condition) -> Outcome:
    """
    Run all episodes under a condition.

    :raises KeyboardInterrupt: it was interrupted; nothing of it runs any more.
    """
    from franka_rl_nodes import processes

    with tempfile.TemporaryDirectory(prefix='franka_rl_') as name, _ros_domain(plan.domain):
        folder = Path(name)
        with _own_signals():
            nodes = cli.check(plan.system(condition, folder))
            code = processes.run(nodes, show_results=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return _read(condition, folder, code)


def _read(condition: Condition, folder: Path, code: int) -> Outcome:
    numbers, recording = folder / 'numbers.json', folder / 'recording.npz'
    if code != DONE or not numbers.is_file():
        problem = f'the system ended with exit code {code}; its log says why'
        return Outcome(condition, problem=problem)
    if not recording.is_file():
        return Outcome(condition, problem='the recorder left no file; its log says why')
    return Outcome(condition, json.loads(numbers.read_text()), Recording.load(recording))


@contextmanager
def _ros_domain(domain: int) -> Iterator[None]:
    """Keep to a ROS domain and to this machine: no other graph may see the commands."""
    own = {
        'ROS_DOMAIN_ID': str(domain if domain >= 0 else _free_domain()),
        'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST',
    }
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _free_domain() -> int:
    """Give the highest ROS domain that no process on this machine is in."""
    for domain in range(_LAST_DOMAIN, 0, -1):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', _FIRST_PORT + _PORTS * domain))
            except OSError:
                continue
            return domain
    raise RefusedError('all ROS domains of this machine are in use: choose one with --domain')


@contextmanager
def _own_signals() -> Iterator[None]:
    """Take back the signals that the manager of the processes takes for itself."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
