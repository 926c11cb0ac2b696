# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The launch files say the same as the table of systems that ``franka-rl up`` uses."""

from __future__ import annotations

import ast
import importlib
import os
import sys
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('rclpy')

import yaml

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.settings import from_strings
from franka_rl_nodes.guard_node import GuardConfig
from franka_rl_nodes.launch_support import (
    PROCESS,
    NodeEndedError,
    choose_bringup,
    finished,
    required,
)
from franka_rl_nodes.systems import SYSTEMS, SystemNode

FOLDER = Path(__file__).parents[1] / 'launch'
NO_LAUNCH = 'needs ros2 launch, which comes with ROS 2 from apt'
# Values that a careless launch file would hand on with another type, or not at all.
UNUSUAL = {
    'policy': '123',
    'robot': 'fr3',
    'backend': 'mock',
    'control': 'joints',
    'reward': 'sparse',
    'num_envs': '3',
    'workers': '1',
    'control_period': '1',
    'algo': 'sac',
    'steps': '64',
    'episodes': '2',
    'rate': '50',
    'seed': '7',
    'out': '7',
    'resume': 'true',
    'config': '{batch_size: 32}',
    'evaluation_episodes': '1',
    'result': 'true',
    'driver': 'fci',
    'controller': 'joint_trajectory',
    'goal': '1',
    'arm': 'false',
    'limits': '{tether: 0.05}',
    'driver_options': '{arm_prefix: left_}',
    'fci': '{strict: false}',
    'namespace': '9',
}

# Every arm that ``deploy_real`` can start.
CHOICES = [
    {'driver': driver, 'robot': robot, 'controller': 'joint_trajectory', 'use_fake_hardware': fake}
    for driver, robot in (('franka_ros2', 'fr3'), ('multipanda', 'panda'))
    for fake in ('false', 'true')
]


def launch_file(system: str) -> Path:
    """Give the launch file of a system."""
    return FOLDER / f'{system}.launch.py'


def names_of(system: str) -> list[str]:
    """Give the names of a system's arguments."""
    return [argument.name for argument in SYSTEMS[system].arguments]


def config_of(node: str) -> type:
    """Give the dataclass of a node's parameters."""
    return importlib.import_module(f'franka_rl_nodes.{node}_node').CONFIG


def texts(node: str) -> set[str]:
    """Give the parameters of a node that are strings; a mapping is passed as YAML in one."""
    hints = typing.get_type_hints(config_of(node))
    return {key for key, hint in hints.items() if (typing.get_origin(hint) or hint) in (str, dict)}


def test_every_system_has_a_launch_file_and_the_other_way_round() -> None:
    files = {file.name for file in FOLDER.glob('*.launch.*')}
    assert files == {launch_file(system).name for system in SYSTEMS}


# --- as they are written: needs no launch --------------------------------------------------------


def calls(system: str, function: str) -> list[ast.Call]:
    """Find the calls of a function in a launch file, in their order."""
    tree = ast.walk(ast.parse(launch_file(system).read_text()))
    found = [node for node in tree if isinstance(node, ast.Call)]
    return [call for call in found if getattr(call.func, 'id', '') == function]


def keywords(call: ast.Call) -> dict[str, Any]:
    """Give the keyword arguments of a call."""
    return {str(keyword.arg): keyword.value for keyword in call.keywords}


def as_in_table(value: Any) -> str:
    """Give the value of a parameter in the words of the table."""
    if isinstance(value, ast.Call):
        return f'{{{ast.literal_eval(value.args[0])}}}'
    plain = ast.literal_eval(value)
    return plain if isinstance(plain, str) else yaml.safe_dump(plain).split()[0]


@pytest.mark.parametrize('system', SYSTEMS)
def test_written_arguments(system: str) -> None:
    arguments = [
        (
            ast.literal_eval(call.args[0]),
            ast.literal_eval(keywords(call)['default_value']),
            ast.literal_eval(keywords(call)['description']),
        )
        for call in calls(system, 'DeclareLaunchArgument')
    ]
    assert arguments == [(a.name, a.default, a.text) for a in SYSTEMS[system].arguments]


def check_written_node(call: ast.Call, node: SystemNode) -> None:
    """Check what a launch file says of a node."""
    (parameters,) = keywords(call)['parameters'].elts
    values = dict(zip(map(ast.literal_eval, parameters.keys), parameters.values, strict=True))
    assert {key: as_in_table(value) for key, value in values.items()} == node.parameters
    chosen = {key: value.func.id for key, value in values.items() if isinstance(value, ast.Call)}
    strings = texts(node.name)
    assert chosen == {key: 'text' if key in strings else 'LaunchConfiguration' for key in chosen}


@pytest.mark.parametrize('system', SYSTEMS)
def test_written_nodes(system: str) -> None:
    nodes = SYSTEMS[system].nodes
    for call, node in zip(calls(system, 'Node'), nodes, strict=True):
        words = keywords(call)
        assert words['package'].value == 'franka_rl_nodes'
        assert words['executable'].value == f'{node.name}_node'
        assert words['on_exit'].id == ('finished' if node is nodes[-1] else 'required')
        check_written_node(call, node)
        assert ('condition' in words) == bool(node.only)
        assert ('namespace' in words) == ('namespace' in names_of(system))


@pytest.mark.parametrize('system', SYSTEMS)
def test_the_system_is_checked_before_the_start(system: str) -> None:
    call = calls(system, 'OpaqueFunction')[0]
    assert keywords(call)['function'].id == 'check'
    assert ast.literal_eval(keywords(call)['args']) == [system]
    assert call.lineno < min(node.lineno for node in calls(system, 'Node'))


@pytest.mark.parametrize(
    ('chosen', 'message'),
    [
        (
            {'driver': 'multipanda', 'robot': 'panda'},
            'driver multipanda has no joint_follower: choose controller:=joint_trajectory',
        ),
        (
            {'use_fake_hardware': 'true'},
            'fake hardware has no joint_follower: choose controller:=joint_trajectory',
        ),
    ],
)
def test_what_a_driver_cannot_do_is_refused(chosen: dict[str, str], message: str) -> None:
    choice = {
        'driver': 'franka_ros2',
        'robot': 'fr3',
        'controller': 'joint_follower',
        'use_fake_hardware': 'false',
    }
    with pytest.raises(RefusedError, match=message):
        choose_bringup(choice | chosen)


@pytest.mark.parametrize(
    ('robot', 'driver', 'message'),
    [
        ('panda', 'franka_ros2', 'driver franka_ros2 is for the fr3, not for the panda'),
        ('fr3', 'multipanda', 'driver multipanda is for the panda, not for the fr3'),
    ],
)
def test_a_driver_for_another_robot_is_refused(robot: str, driver: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        GuardConfig(robot=robot, driver=driver).check()


def test_every_file_of_controllers_has_what_the_guard_may_choose() -> None:
    for choice in CHOICES:
        found = choose_bringup(choice)
        file = FOLDER.parent / 'config' / 'real' / found.controllers
        nodes = yaml.safe_load(file.read_text())['/**']
        assert {f'{stream}_controller' for stream in found.streams} <= set(nodes)


@pytest.mark.parametrize('code', [0, 1, -9])
def test_a_node_that_serves_must_not_end_first(code: int) -> None:
    event: Any = SimpleNamespace(process_name='env_node-2', returncode=code)
    running: Any = SimpleNamespace(is_shutdown=False)
    ending: Any = SimpleNamespace(is_shutdown=True)
    required(event, ending)
    with pytest.raises(NodeEndedError, match='env_node-2 ended too early'):
        required(event, running)


# --- as launch understands them ------------------------------------------------------------------


@pytest.fixture
def launch() -> Any:
    """Give ROS's launch."""
    # First launch_ros: where the current folder is on the path, its launch/ could pass for launch.
    pytest.importorskip('launch_ros', reason=NO_LAUNCH)
    return pytest.importorskip('launch', reason=NO_LAUNCH)


@pytest.fixture(params=SYSTEMS)
def described(request: pytest.FixtureRequest, launch: Any) -> tuple[Any, Any, Any]:
    """Give a system, its launch description, and the context to understand it in."""
    from launch.launch_description_sources import PythonLaunchDescriptionSource

    context = launch.LaunchContext()
    source = PythonLaunchDescriptionSource(str(launch_file(request.param)))
    return SYSTEMS[request.param], source.get_launch_description(context), context


def resolve(context: Any, value: Any) -> str:
    """Give the string that launch makes of a value."""
    from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions

    return perform_substitutions(context, normalize_to_list_of_substitutions(value))


def with_types(values: dict[str, Any]) -> dict[str, tuple[type, Any]]:
    """Make 1, 1.0 and True three different things."""
    return {key: (type(value), value) for key, value in values.items()}


def test_arguments(described: Any) -> None:
    system, description, context = described
    arguments = description.get_launch_arguments()
    defaults = [(a.name, resolve(context, a.default_value)) for a in arguments]
    assert defaults == [(a.name, a.default) for a in system.arguments]
    for argument, wanted in zip(arguments, system.arguments, strict=True):
        assert argument.description.startswith(wanted.text)
        assert argument.choices is None or wanted.default in argument.choices


@pytest.mark.parametrize('choice', [{}, UNUSUAL], ids=['defaults', 'unusual'])
def test_parameters(described: Any, choice: dict[str, str]) -> None:
    from launch_ros.actions import Node
    from launch_ros.utilities import evaluate_parameters

    system, description, context = described
    names = [argument.name for argument in system.arguments]
    chosen = system.choose({name: choice[name] for name in names if name in choice})
    context.launch_configurations.update(chosen)
    nodes = [entity for entity in description.entities if isinstance(entity, Node)]
    nodes = [node for node in nodes if node.condition is None or node.condition.evaluate(context)]
    for node, (name, wanted) in zip(nodes, system.parameters(chosen).items(), strict=True):
        assert resolve(context, node.node_package) == 'franka_rl_nodes'
        assert resolve(context, node.node_executable) == f'{name}_node'
        (parameters,) = evaluate_parameters(context, node._Node__parameters)
        strings = {key: wanted[key] for key in wanted.keys() & texts(name)}
        typed = from_strings(config_of(name), wanted) | strings
        assert with_types(parameters) == with_types(typed)


def test_a_real_arm_takes_the_place_of_the_simulator(launch: Any) -> None:
    assert programs(launch, 'deploy_real', 'fci') == programs(launch, 'deploy_sim')
    for driver in ('franka_ros2', 'multipanda'):
        assert programs(launch, 'deploy_real', driver) == programs(launch, 'deploy_sim')[1:]


def programs(launch: Any, system: str, driver: str = '') -> list[str]:
    """Give the programs that a launch file starts, in their order."""
    from launch.launch_description_sources import PythonLaunchDescriptionSource
    from launch_ros.actions import Node

    context = launch.LaunchContext()
    context.launch_configurations['driver'] = driver
    source = PythonLaunchDescriptionSource(str(launch_file(system)))
    nodes = [e for e in source.get_launch_description(context).entities if isinstance(e, Node)]
    started = [n for n in nodes if n.condition is None or n.condition.evaluate(context)]
    return [resolve(context, node.node_executable) for node in started]


@pytest.mark.parametrize('mine', [None, 'SUBNET'])
def test_dds_stays_on_this_machine_unless_asked(
    described: Any, monkeypatch: pytest.MonkeyPatch, mine: str | None
) -> None:
    from launch.actions import SetEnvironmentVariable

    variable = 'ROS_AUTOMATIC_DISCOVERY_RANGE'
    # Set in any case, so that it is put back after the test.
    monkeypatch.setenv(variable, mine or '')
    if mine is None:
        monkeypatch.delenv(variable)
    _, description, context = described
    (action,) = (e for e in description.entities if isinstance(e, SetEnvironmentVariable))
    action.execute(context)
    assert os.environ[variable] == (mine or 'LOCALHOST')


@pytest.mark.parametrize(
    ('server', 'worker', 'code'),
    [('sleep(60)', 'exit(0)', 0), ('sleep(60)', 'exit(2)', 1), ('exit(0)', 'sleep(60)', 1)],
    ids=['finished', 'refused', 'lost'],
)
def test_exit_code(launch: Any, server: str, worker: str, code: int) -> None:
    from launch.actions import ExecuteProcess

    def process(end: str, on_exit: Any) -> Any:
        program = f'from time import sleep; sleep(0.5); {end}'
        return ExecuteProcess(cmd=[sys.executable, '-c', program], on_exit=on_exit, **PROCESS)

    processes = [process(server, required), process(worker, finished)]
    service = launch.LaunchService(noninteractive=True)
    service.include_launch_description(launch.LaunchDescription(processes))
    assert service.run() == code
    assert all(process.return_code is not None for process in processes)
