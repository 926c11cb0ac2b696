# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The systems, as a user of ROS 2 starts them: ``ros2 launch franka_rl ...``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
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

    def launch(system: str, *words: object, **environment: object) -> subprocess.Popen[str]:
        variables = [f'{name}={value}' for name, value in environment.items()]
        command = ('ros2', 'launch', 'franka_rl', f'{system}.launch.py', *words)
        started.append(processes.start('env', *variables, *command))
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


@pytest.mark.parametrize('controller', ['joint_follower', 'joint_trajectory'])
def test_deploy_real_drives_the_arm_that_refuses_as_franka_s(
    processes: Any, start: Start, bundle: Path, tmp_path: Path, controller: str
) -> None:
    numbers = tmp_path / 'numbers.json'
    words = ('driver:=fci', f'controller:={controller}', f'policy:={bundle}', 'episodes:=2')
    system = start('deploy_real', *words, f'result:={numbers}')
    assert system.wait(80) == 0, processes.output(system)
    output = ''.join(processes.output(system))
    # On a busy computer an episode may miss its goal; a reflex it must not give.
    content = json.loads(numbers.read_text())
    assert (content['episodes'], content['errors']) == (2, [])
    nodes = ('simulator', 'guard', 'policy', 'evaluator')
    for number, node in enumerate(nodes, 1):
        assert f'[{node}_node-{number}]: process started' in output


# A package franka_bringup whose launch file does nothing but write down what it was given.
RECORDER = """
import json, os
from launch import LaunchDescription
from launch.actions import OpaqueFunction

def record(context):
    with open(os.environ['RECORD'], 'w') as file:
        json.dump(dict(context.launch_configurations), file)

def generate_launch_description():
    return LaunchDescription([OpaqueFunction(function=record)])
"""
SPAWNER = '#!/bin/sh\necho "$@" > "$RECORD.spawner"\n'


def _fake_drivers(prefix: Path, launch_file: str) -> None:
    """Install ``franka_bringup`` and ``controller_manager`` that only write down what they get."""
    index = prefix / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    for package in ('franka_bringup', 'controller_manager'):
        (index / package).touch()
        (prefix / 'share' / package).mkdir()
    recorder = prefix / 'share' / 'franka_bringup' / launch_file
    recorder.parent.mkdir(parents=True)
    recorder.write_text(RECORDER)
    spawner = prefix / 'lib' / 'controller_manager' / 'spawner'
    spawner.parent.mkdir(parents=True)
    spawner.write_text(SPAWNER)
    spawner.chmod(0o755)


def _policy_for(robot: str, folder: Path) -> Path:
    from franka_rl_core.envs.config import EnvConfig
    from franka_rl_core.policies.proportional import write_proportional_bundle

    write_proportional_bundle(folder, EnvConfig(robot=robot, backend='mock'))
    return folder


@pytest.mark.parametrize(
    ('driver', 'robot', 'controller', 'launch_file'),
    [
        ('franka_ros2', 'fr3', 'joint_follower', 'launch/franka.launch.py'),
        ('multipanda', 'panda', 'joint_trajectory', 'launch/real/franka.launch.py'),
    ],
)
def test_the_bringup_of_a_real_arm_is_included(
    processes: Any,
    start: Start,
    tmp_path: Path,
    driver: str,
    robot: str,
    controller: str,
    launch_file: str,
) -> None:
    _fake_drivers(tmp_path / 'ros', launch_file)
    record = tmp_path / 'record.json'
    spawned = tmp_path / 'record.json.spawner'
    words = (
        f'driver:={driver}',
        f'robot:={robot}',
        f'controller:={controller}',
        f'policy:={_policy_for(robot, tmp_path / "policy")}',
        'robot_ip:=10.0.0.7',
        'load_gripper:=true',
    )
    path = f'{tmp_path / "ros"}:{os.environ["AMENT_PREFIX_PATH"]}'
    system = start('deploy_real', *words, RECORD=record, AMENT_PREFIX_PATH=path)
    assert wait_until(lambda: record.exists() and spawned.exists(), 30.0), processes.output(system)
    # The guard needs the messages of the driver, and says which package has them.
    if find_spec('franka_msgs') is None:
        assert system.wait(60) == 1
        assert 'guard_node-2 ended too early' in ''.join(processes.output(system))
        assert 'sudo apt install ros-' in ''.join(processes.output(system))
    given = json.loads(record.read_text())
    assert given['robot_type'] == robot
    assert (given['robot_ip'], given['load_gripper']) == ('10.0.0.7', 'true')
    assert (given['use_fake_hardware'], given['namespace']) == ('false', '')
    controllers = Path(given['controllers_yaml'])
    assert controllers.is_file() and controllers.name == f'{robot}_controllers.yaml'
    assert spawned.read_text().split()[:2] == [f'{controller}_controller', '--inactive']


def test_a_real_arm_without_its_driver_is_refused(
    processes: Any, start: Start, tmp_path: Path
) -> None:
    from ament_index_python.packages import get_packages_with_prefixes

    if 'franka_bringup' in get_packages_with_prefixes():
        pytest.skip('franka_bringup is installed')
    policy = _policy_for('fr3', tmp_path / 'policy')
    system = start('deploy_real', 'driver:=franka_ros2', 'robot:=fr3', f'policy:={policy}')
    assert system.wait(30) == 1
    output = ''.join(processes.output(system))
    assert 'franka_bringup is not installed: build franka_ros2' in output
    assert 'process started' not in output


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
        (['train_sim', 'reward:=gold'], "reward of task reach 'gold'; known: dense, sparse"),
        (['train_sim', 'config:={gama: 1}'], "unknown PpoConfig key 'gama'; known: "),
        (['train_sim', 'steps:=many'], 'steps must be an integer'),
        (['deploy_sim', 'policy:=123'], '123 is no policy bundle'),
        (['deploy_real', 'driver:=ur'], "unknown driver 'ur'; known: "),
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
