# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive the simulated arm by a policy bundle, through the graph that drives the real one.

    ros2 launch franka_rl deploy_sim.launch.py policy:=runs/demo/policy episodes:=20

The simulator streams like a robot driver, the policy acts, the guard commands the arm, and the
evaluator resets the arm and judges the episodes.
The exit code is 0 when the evaluator has finished, and 1 when a node failed or Ctrl-C came first.
Without ``ros2 launch``: ``franka-rl up deploy_sim``.
"""

from __future__ import annotations

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.substitutions import EnvironmentVariable, LaunchConfiguration
from launch_ros.actions import Node

from franka_rl_nodes.launch_support import PROCESS, check, finished, required, text


def generate_launch_description() -> LaunchDescription:
    """Describe the arguments and the nodes."""
    return LaunchDescription(
        [
            DeclareLaunchArgument(
                'policy',
                default_value='',
                description='folder of the policy bundle',
            ),
            DeclareLaunchArgument(
                'robot',
                default_value='panda',
                description='robot: panda or fr3',
            ),
            DeclareLaunchArgument(
                'backend',
                default_value='pybullet',
                description='simulator: pybullet, kinematic, ikpy or mock',
            ),
            DeclareLaunchArgument(
                'episodes',
                default_value='20',
                description='episodes to run',
            ),
            DeclareLaunchArgument(
                'seed',
                default_value='1',
                description='seed of the goals',
            ),
            DeclareLaunchArgument(
                'rate',
                default_value='100.0',
                description='joint states a second [Hz]',
            ),
            DeclareLaunchArgument(
                'limits',
                default_value='{}',
                description='YAML mapping that overrides limits of the guard',
            ),
            DeclareLaunchArgument(
                'result',
                default_value='',
                description='file for the numbers, JSON; empty for none',
            ),
            # DDS stays on this machine unless the user asks for more.
            SetEnvironmentVariable(
                'ROS_AUTOMATIC_DISCOVERY_RANGE',
                EnvironmentVariable('ROS_AUTOMATIC_DISCOVERY_RANGE', default_value='LOCALHOST'),
            ),
            # A wrong argument is refused before anything is started.
            OpaqueFunction(function=check, args=['deploy_sim']),
            # The nodes name themselves, as with `franka-rl up`.
            Node(
                package='franka_rl_nodes',
                executable='simulator_node',
                parameters=[
                    {
                        'mode': 'streaming',
                        'robot': text('robot'),
                        'backend': text('backend'),
                        'rate': LaunchConfiguration('rate'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='guard_node',
                parameters=[
                    {
                        'robot': text('robot'),
                        'policy': text('policy'),
                        'limits': text('limits'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='policy_node',
                parameters=[
                    {
                        'robot': text('robot'),
                        'policy': text('policy'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='evaluator_node',
                parameters=[
                    {
                        'policy': text('policy'),
                        'episodes': LaunchConfiguration('episodes'),
                        'seed': LaunchConfiguration('seed'),
                        'result': text('result'),
                    }
                ],
                on_exit=finished,
                **PROCESS,
            ),
        ]
    )
