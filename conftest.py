# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Fixtures of all tiers: ROS contexts of their own, and processes that are ended by their id."""

from __future__ import annotations

import fcntl
import gc
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# Messages of a wrong type are refused by their setters, not only when they are published.
os.environ['ROS_PYTHON_CHECK_FIELDS'] = '1'
# DDS stays on this machine.
os.environ['ROS_AUTOMATIC_DISCOVERY_RANGE'] = 'LOCALHOST'
# Domains up to 101 have ports below the ephemeral ones. A test run starts at one of its own, and
# processes that test at once, gw0, gw1, ..., share them out.
_run = int(os.environ.get('PYTEST_XDIST_TESTRUNUID', f'{os.getpid():x}'), 16)
_first = int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0').removeprefix('gw'))
_count = int(os.environ.get('PYTEST_XDIST_WORKER_COUNT', '1'))
_domains = itertools.cycle((_run + i) % 99 + 1 for i in range(_first, 99, _count))


class Processes:
    """Starts programs, and ends them by their id when the test is over."""

    def __init__(self, folder: Path, domain: int) -> None:
        self._folder = folder
        self._environment = {**os.environ, 'ROS_DOMAIN_ID': str(domain)}
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: object) -> subprocess.Popen[str]:
        """Start a program; its output goes to files that :meth:`output` reads."""
        index = len(self._started)
        with (
            (self._folder / f'out-{index}').open('w') as out,
            (self._folder / f'err-{index}').open('w') as err,
        ):
            process = subprocess.Popen(
                [str(word) for word in words],
                stdout=out,
                stderr=err,
                text=True,
                env=self._environment,
                cwd=self._folder,
            )
        self._started.append(process)
        return process

    def node(self, name: str, **parameters: object) -> subprocess.Popen[str]:
        """Start a node of the suite."""
        words = [f'-p {key}:={value}'.split(' ', 1) for key, value in parameters.items()]
        program = [sys.executable, '-m', f'franka_rl_nodes.{name}_node', '--ros-args']
        return self.start(*program, *itertools.chain(*words))

    def cli(self, *words: object) -> subprocess.Popen[str]:
        """Start ``franka-rl``."""
        main = 'import sys; from franka_rl_core.cli.main import main; sys.exit(main())'
        return self.start(sys.executable, '-c', main, *words)

    def output(self, process: subprocess.Popen[str]) -> tuple[str, str]:
        """Give what a program has printed so far: standard output, standard error."""
        index = self._started.index(process)
        return (
            (self._folder / f'out-{index}').read_text(),
            (self._folder / f'err-{index}').read_text(),
        )

    def wait_for(self, process: subprocess.Popen[str], text: str, timeout: float = 30.0) -> None:
        """Wait until a program has printed a text."""
        wait_until(
            lambda: text in ''.join(self.output(process)) or process.poll() is not None, timeout
        )
        assert text in ''.join(self.output(process)), self.output(process)

    def end(self) -> None:
        """End what still runs."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in self._started:
                if process.poll() is None:
                    process.send_signal(number)
            deadline = time.monotonic() + 8.0
            while time.monotonic() < deadline and any(p.poll() is None for p in self._started):
                time.sleep(0.05)


def wait_until(condition: Callable[[], bool], timeout: float = 10.0) -> bool:
    """Wait for a condition; say whether it came."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture(autouse=True)
def short_collections(request: pytest.FixtureRequest) -> None:
    """
    Spare what exists from the garbage collector, before a test that has a clock to keep.

    To look through all that was imported takes it a tenth of a second and more, in which no thread
    of this process runs, one that stands in for a driver or for the network neither.
    """
    if request.node.get_closest_marker('real_time'):
        gc.collect()
        gc.freeze()


@pytest.fixture
def domain() -> Iterator[int]:
    """Give a ROS domain that no other test uses, of whatever test run of this user."""
    for number in _domains:
        name = f'franka_rl_{os.getuid()}_domain_{number}'
        with (Path(tempfile.gettempdir()) / name).open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield number
            return


@pytest.fixture
def processes(tmp_path: Path, domain: int) -> Iterator[Processes]:
    """Start programs in the domain of the test."""
    pytest.importorskip('rclpy')
    running = Processes(tmp_path, domain)
    yield running
    running.end()


@pytest.fixture
def context(domain: int) -> Iterator[object]:
    """Give a ROS context in the domain of the test."""
    rclpy = pytest.importorskip('rclpy')
    own = rclpy.context.Context()
    rclpy.init(context=own, domain_id=domain)
    yield own
    rclpy.try_shutdown(context=own)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Write the bundle of a policy that needs no training."""
    pytest.importorskip('onnx')
    from franka_rl_core.envs.config import EnvConfig
    from franka_rl_core.policies.proportional import write_proportional_bundle

    write_proportional_bundle(tmp_path / 'policy', EnvConfig(backend='mock'))
    return tmp_path / 'policy'
