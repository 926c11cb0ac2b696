# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Drive a Panda or FR3 by a policy bundle.

    ros2 launch franka_rl deploy_real.launch.py driver:=fci policy:=policies/reach_ee_panda
    ros2 launch franka_rl deploy_real.launch.py robot:=fr3 robot_ip:=172.16.0.3 policy:=…

With a real arm the bringup of its driver (franka_ros2, multipanda_ros2) is started too, with our
controllers in config/real; read docs/operators_guide.md first. With ``driver:=fci`` a simulated arm
takes its place, which refuses what Franka's refuses; all other nodes are the same.
The exit code is 0 when the evaluator has finished, and 1 when a node failed or Ctrl-C came first.
Without ``ros2 launch``: ``franka-rl up deploy_real``, beside a driver that runs already.
"""

from __future__ import annotations

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, OpaqueFunction, SetEnvironmentVariable
from launch.conditions import IfCondition
from launch.substitutions import EnvironmentVariable, LaunchConfiguration, PythonExpression
from launch_ros.actions import Node

from franka_rl_nodes.launch_support import PROCESS, bringup, check, finished, required, text


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
                'driver',
                default_value='franka_ros2',
                description='what drives the arm: franka_ros2 (FR3), multipanda (Panda), '
                'or fci (simulated)',
            ),
            DeclareLaunchArgument(
                'controller',
                default_value='joint_follower',
                description="the arm's: joint_follower or joint_trajectory",
            ),
            DeclareLaunchArgument(
                'goal',
                default_value='random',
                description='random (of the task), x,y,z [m], or topic (target_pose)',
            ),
            DeclareLaunchArgument(
                'arm',
                default_value='auto',
                description='arm the guard: true, false (an operator does), auto (only '
                'with driver:=fci)',
            ),
            DeclareLaunchArgument(
                'limits',
                default_value='{}',
                description='YAML mapping that overrides limits of the guard',
            ),
            DeclareLaunchArgument(
                'same_clock',
                default_value='true',
                description="whether the arm's computer has the time of this one, to 10 ms "
                '(joint_trajectory)',
            ),
            DeclareLaunchArgument(
                'driver_options',
                default_value='{}',
                description="YAML mapping of names in the arm's driver",
            ),
            DeclareLaunchArgument(
                'fci',
                default_value='{}',
                description='YAML mapping for driver:=fci: strict, packet_loss, ...',
            ),
            DeclareLaunchArgument(
                'namespace',
                default_value='',
                description='namespace of all nodes',
            ),
            DeclareLaunchArgument(
                'robot_ip',
                default_value='172.16.0.3',
                description='address of the arm (ros2 launch)',
            ),
            DeclareLaunchArgument(
                'load_gripper',
                default_value='false',
                description='start the gripper too (ros2 launch)',
            ),
            DeclareLaunchArgument(
                'use_fake_hardware',
                default_value='false',
                description='an arm of ros2_control (ros2 launch)',
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
            OpaqueFunction(function=check, args=['deploy_real']),
            OpaqueFunction(function=bringup),
            # The nodes name themselves, as with `franka-rl up`.
            Node(
                package='franka_rl_nodes',
                executable='simulator_node',
                namespace=LaunchConfiguration('namespace'),
                parameters=[
                    {
                        'mode': 'fci',
                        'robot': text('robot'),
                        'seed': LaunchConfiguration('seed'),
                        'fci': text('fci'),
                    }
                ],
                # As an expression: Humble has no EqualsSubstitution. The driver was checked above.
                condition=IfCondition(
                    PythonExpression(["'", LaunchConfiguration('driver'), "' == 'fci'"])
                ),
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='guard_node',
                namespace=LaunchConfiguration('namespace'),
                parameters=[
                    {
                        'robot': text('robot'),
                        'controller': text('controller'),
                        'driver': text('driver'),
                        'driver_options': text('driver_options'),
                        'limits': text('limits'),
                        'same_clock': LaunchConfiguration('same_clock'),
                        'policy': text('policy'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='policy_node',
                namespace=LaunchConfiguration('namespace'),
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
                namespace=LaunchConfiguration('namespace'),
                parameters=[
                    {
                        'policy': text('policy'),
                        'episodes': LaunchConfiguration('episodes'),
                        'seed': LaunchConfiguration('seed'),
                        'goal': text('goal'),
                        'reset': 'home',
                        'arm': text('arm'),
                        'driver': text('driver'),
                        'result': text('result'),
                    }
                ],
                on_exit=finished,
                **PROCESS,
            ),
        ]
    )
