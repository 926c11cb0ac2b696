# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files share: a check before the start, how nodes run, and what their end means.

Only launch files use it. It imports ROS's ``launch`` on demand, which is not on every machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from franka_rl_core.exceptions import FrankaRLError, MissingDependencyError
from franka_rl_core.share import share_dir

if TYPE_CHECKING:
    from launch import LaunchContext, LaunchDescriptionEntity
    from launch.actions import Shutdown
    from launch.events.process import ProcessExited
    from launch_ros.parameter_descriptions import ParameterValue

#: How every node runs. At the end it gets SIGINT, after which a trainer writes its checkpoint;
#: what still runs 4 s later is killed, so that the system is gone within 5 s.
PROCESS = {
    'output': 'screen',
    'emulate_tty': True,
    'sigterm_timeout': '3.5',
    'sigkill_timeout': '0.5',
}


class NodeEndedError(FrankaRLError):
    """A node ended that should have gone on, or did not end well."""


def check(context: LaunchContext, system: str) -> None:
    """
    Refuse a system before anything of it is started (``OpaqueFunction``), as ``franka-rl up`` does.

    :param system: its name.
    :raises RefusedError: an argument is wrong, or the system is running already.
    """
    from franka_rl_nodes import cli
    from franka_rl_nodes.systems import find_system

    found = find_system(system)
    names = [argument.name for argument in found.arguments]
    chosen = {name: context.launch_configurations[name] for name in names}
    cli.check(found.parameters(chosen), chosen.get('namespace', ''))


# What starts a real arm, and the controllers that it gets: driver → package, controllers.
_BRINGUPS = {
    'franka_ros2': ('franka_bringup', 'fr3_controllers.yaml'),
    'multipanda': ('franka_bringup', 'panda_controllers.yaml'),
}


def bringup(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """
    Include the launch file of a real arm's driver, and load our controllers (``OpaqueFunction``).

    The controllers are loaded inactive: the guard activates the one it streams to.

    :raises MissingDependencyError: the driver is not installed.
    """
    from launch.actions import IncludeLaunchDescription
    from launch_ros.actions import Node

    chosen = context.launch_configurations
    if chosen['driver'] not in _BRINGUPS:
        return []
    package, controllers = _BRINGUPS[chosen['driver']]
    if chosen['use_fake_hardware'] == 'true':
        controllers = 'mock_controllers.yaml'
    arguments = {
        'robot_type': chosen['robot'],
        'robot_ip': chosen['robot_ip'],
        'load_gripper': chosen['load_gripper'],
        'use_fake_hardware': chosen['use_fake_hardware'],
        'namespace': chosen['namespace'],
        'controllers_yaml': str(share_dir() / 'config' / 'real' / controllers),
    }
    source = Path(_share_of(package)) / 'launch' / 'franka.launch.py'
    spawner = Node(
        package='controller_manager',
        executable='spawner',
        namespace=chosen['namespace'],
        arguments=[f'{chosen["controller"]}_controller', '--inactive'],
        output='screen',
    )
    return [IncludeLaunchDescription(str(source), launch_arguments=arguments.items()), spawner]


def _share_of(package: str) -> str:
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        return str(get_package_share_directory(package))
    except PackageNotFoundError as error:
        raise MissingDependencyError(
            package, 'build franka_ros2 (FR3) or multipanda_ros2 (Panda) and source its workspace'
        ) from error


def text(argument: str) -> ParameterValue:
    """
    Make a string parameter of what was chosen for a launch argument.

    Launch reads all others as YAML, and would make a number of ``out:=7``.

    :param argument: name of the launch argument.
    """
    from launch.substitutions import LaunchConfiguration
    from launch_ros.parameter_descriptions import ParameterValue

    return ParameterValue(LaunchConfiguration(argument), value_type=str)


def required(event: ProcessExited, context: LaunchContext) -> None:
    """
    React to the end of a node that serves the others (``on_exit``): without it the system fails.

    :raises NodeEndedError: the system was not ending. ``launch`` answers an exception by ending the
        system with exit code 1; of what processes return, it makes no exit code.
    """
    if not context.is_shutdown:
        raise NodeEndedError(f'{event.process_name} ended too early, {_how(event)}')


def finished(event: ProcessExited, context: LaunchContext) -> Shutdown:
    """
    React to the end of the node that does the work (``on_exit``): nothing is left to do.

    :raises NodeEndedError: the node failed, refused or was interrupted. The system ends with exit
        code 1, after Ctrl-C as well: ``launch`` has no other one.
    """
    from launch.actions import Shutdown

    if event.returncode != 0:
        raise NodeEndedError(f'{event.process_name} has not finished, {_how(event)}')
    return Shutdown(reason=f'{event.process_name} has finished')


def _how(event: ProcessExited) -> str:
    code = event.returncode
    return f'it was ended by signal {-code}' if code < 0 else f'its exit code is {code}'
