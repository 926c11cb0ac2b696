# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the launch files share: a check before the start, how nodes run, and what their end means.

Only launch files use it. It imports ROS's ``launch`` on demand, which is not on every machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from franka_rl_core.exceptions import FrankaRLError, RefusedError
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


@dataclass(frozen=True)
class Bringup:
    """
    What starts a real arm.

    :param controllers: file in ``config/real`` with what the guard commands.
    :param streams: controllers of the guard that this file has.
    :param install: what to build where the driver is missing.
    """

    controllers: str
    streams: tuple[str, ...]
    install: str


# Both drivers have a package franka_bringup with a franka.launch.py.
_PACKAGE, _LAUNCH_FILE = 'franka_bringup', 'franka.launch.py'
_FR3 = Bringup('fr3_controllers.yaml', ('joint_follower', 'joint_trajectory'), 'franka_ros2')
_BRINGUPS = {
    'franka_ros2': _FR3,
    # It reads its own controllers, see config/real/panda_controllers.yaml.
    'multipanda': Bringup(
        'panda_controllers.yaml', ('joint_trajectory',), 'multipanda_ros2'
    ),
}
# The mock arm of ros2_control does not feel efforts.
_FAKE = replace(_FR3, controllers='mock_controllers.yaml', streams=('joint_trajectory',))


def bringup(context: LaunchContext) -> list[LaunchDescriptionEntity]:
    """
    Include the launch file of a real arm's driver, and load our controllers (``OpaqueFunction``).

    The controllers are loaded inactive: the guard activates the one it streams to.

    :raises RefusedError: the driver is not installed, is for another robot, or has no such
        controller.
    """
    from launch.actions import IncludeLaunchDescription
    from launch_ros.actions import Node

    chosen = context.launch_configurations
    if chosen['driver'] not in _BRINGUPS:
        return []
    found = choose_bringup(chosen)
    arguments = {
        'robot_type': chosen['robot'],
        'robot_ip': chosen['robot_ip'],
        'load_gripper': chosen['load_gripper'],
        'use_fake_hardware': chosen['use_fake_hardware'],
        'namespace': chosen['namespace'],
        'controllers_yaml': str(share_dir() / 'config' / 'real' / found.controllers),
    }
    source = _launch_file(found)
    spawner = Node(
        package='controller_manager',
        executable='spawner',
        namespace=chosen['namespace'],
        arguments=[f'{chosen["controller"]}_controller', '--inactive'],
        output='screen',
    )
    return [IncludeLaunchDescription(source, launch_arguments=arguments.items()), spawner]


def choose_bringup(chosen: Mapping[str, str]) -> Bringup:
    """
    Choose what starts a real arm.

    :param chosen: arguments of ``deploy_real``.
    :raises RefusedError: it cannot do what is chosen, which would only show on the robot.
    """
    driver = chosen['driver']
    found = _BRINGUPS[driver]
    name = f'driver {driver}'
    if chosen['use_fake_hardware'] == 'true':
        found, name = _FAKE, 'fake hardware'
    if chosen['controller'] not in found.streams:
        raise RefusedError(
            f'{name} has no {chosen["controller"]}: choose controller:={found.streams[0]}'
        )
    return found


def _launch_file(found: Bringup) -> str:
    """Find it as ``ros2 launch`` does, at any depth: multipanda_ros2 has it in launch/real."""
    from ament_index_python.packages import PackageNotFoundError, get_package_share_directory

    try:
        share = Path(get_package_share_directory(_PACKAGE))
    except PackageNotFoundError as error:
        raise RefusedError(
            f'the ROS package {_PACKAGE} is not installed: build {found.install} and source its '
            'workspace, or choose driver:=fci for a simulated arm'
        ) from error
    files = sorted(share.rglob(_LAUNCH_FILE))
    if len(files) != 1:
        raise RefusedError(f'{share} must hold one {_LAUNCH_FILE}, not {len(files)}')
    return str(files[0])


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
