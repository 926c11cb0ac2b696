# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The systems, as a user of ROS 2 starts them: ``ros2 launch franka_rl ...``."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip('ros2launch', reason='needs ros2 launch, which comes with ROS 2 from apt')

from conftest import wait_until

psutil = pytest.importorskip('psutil')
# Small enough to end in seconds; it learns nothing.
TINY = ('backend:=mock', 'num_envs:=4', 'workers:=1', 'steps:=1024', 'evaluation_episodes:=8')

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(processes: Any) -> Iterator[Start]:
    """Give a function that launches a system; what still runs after the test is interrupted."""
    started = []

    def launch(system: str, *words: object) -> subprocess.Popen[str]:
        command = ('ros2', 'launch', 'franka_rl', f'{system}.launch.py', *words)
        started.append(processes.start(*command))
        return started[-1]

    yield launch
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)  # SIGTERM would leave the nodes behind
            process.wait(20)


def _nodes(process: subprocess.Popen[str]) -> list[Any]:
    return psutil.Process(process.pid).children(recursive=True)


def _learning(processes: Any, start: Start, out: Path) -> subprocess.Popen[str]:
    """Start a training that would take long, and wait until it learns."""
    system = start('train_sim', *TINY[:3], 'steps:=1000000', f'out:={out}')
    processes.wait_for(system, ' steps, ', timeout=60.0)
    return system


def _all_end(process: subprocess.Popen[str], nodes: list[Any]) -> float:
    begin = time.monotonic()
    process.wait(20)
    assert psutil.wait_procs(nodes, timeout=20)[1] == []
    return time.monotonic() - begin


def test_train_sim_ends_with_bundle(processes: Any, start: Start, tmp_path: Path) -> None:
    system = start('train_sim', *TINY, f'out:={tmp_path / "run"}')
    assert wait_until(lambda: len(_nodes(system)) >= 3, 30.0)
    nodes = _nodes(system)
    assert system.wait(90) == 0, processes.output(system)
    assert psutil.wait_procs(nodes, timeout=5)[1] == []
    assert (tmp_path / 'run' / 'policy' / 'bundle.yaml').is_file()
    assert 'success_rate: ' in ''.join(processes.output(system))


def test_deploy_sim_drives_the_arm(processes: Any, start: Start, bundle: Path) -> None:
    system = start('deploy_sim', f'policy:={bundle}', 'episodes:=2')
    assert system.wait(60) == 0, processes.output(system)
    assert 'success_rate: 1.00 [' in ''.join(processes.output(system))


@pytest.mark.parametrize('lost', [None, 'simulator', 'env', 'trainer'])
def test_all_end_together(processes: Any, start: Start, tmp_path: Path, lost: str | None) -> None:
    """After Ctrl-C, and when a node is lost, all is over within 5 s, and the exit code says so."""
    system = _learning(processes, start, tmp_path / 'run')
    nodes = _nodes(system)
    if lost is None:
        system.send_signal(signal.SIGINT)
    else:
        (node,) = (n for n in nodes if any(w.endswith(f'/{lost}_node') for w in n.cmdline()))
        node.kill()
    assert _all_end(system, nodes) < 5.0
    assert system.returncode == 1
    if lost != 'trainer':
        assert list((tmp_path / 'run' / 'checkpoints').iterdir())


def test_a_second_system_says_so(processes: Any, start: Start, tmp_path: Path) -> None:
    first = _learning(processes, start, tmp_path / 'run')
    second = start('train_sim', *TINY, f'out:={tmp_path / "other"}')
    assert second.wait(20) == 1
    assert '/simulator is running already' in ''.join(processes.output(second))
    assert first.poll() is None


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['train_sim', 'robot:=ur5'], "unknown robot 'ur5'; known: fr3, panda"),
        (['train_sim', 'reward:=gold'], "Valid options are: ['dense', 'sparse']"),
        (['train_sim', 'config:={gama: 1}'], "unknown PpoConfig key 'gama'; known: "),
        (['train_sim', 'steps:=many'], 'steps must be an integer'),
        (['deploy_sim', 'policy:=123'], '123 is no policy bundle'),
    ],
)
def test_bad_input_is_refused_and_nothing_is_started(
    processes: Any, start: Start, words: list[str], message: str
) -> None:
    system = start(*words)
    assert system.wait(30) == 1
    output = ''.join(processes.output(system))
    assert message in output
    assert 'process started' not in output
