# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Train a policy on a Panda or FR3, behind the guard.

    ros2 launch franka_rl train_real.launch.py driver:=fci steps:=2000 out:=runs/real

Steps take real time; the arm goes home between episodes, slowly; a reflex ends an episode. With
``driver:=fci`` a simulated arm takes the robot's place. For a real one, read
docs/operators_guide.md first: somebody has to stand beside it.
The exit code is 0 when the trainer has finished, and 1 when a node failed or Ctrl-C came first.
Without ``ros2 launch``: ``franka-rl up train_real``, beside a driver that runs already.
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
                'robot',
                default_value='panda',
                description='robot: panda or fr3',
            ),
            DeclareLaunchArgument(
                'task',
                default_value='reach',
                description='task',
            ),
            DeclareLaunchArgument(
                'control',
                default_value='',
                description="ee (tool displacement) or joints (of joints); empty for the task's",
            ),
            DeclareLaunchArgument(
                'reward',
                default_value='sparse',
                description='reward of the task: dense, sparse, or another of its own',
            ),
            DeclareLaunchArgument(
                'control_period',
                default_value='0.04',
                description='time between two actions [s]',
            ),
            DeclareLaunchArgument(
                'algo',
                default_value='sac',
                description='algorithm: sac, td3, ddpg or ppo',
            ),
            DeclareLaunchArgument(
                'steps',
                default_value='6000',
                description='environment steps',
            ),
            DeclareLaunchArgument(
                'seed',
                default_value='0',
                description='seed of everything but the arm',
            ),
            DeclareLaunchArgument(
                'out',
                default_value='',
                description='folder of the run; empty for runs/<task>-<algo>-<date-time>',
            ),
            DeclareLaunchArgument(
                'resume',
                default_value='false',
                description='go on from the newest checkpoint in out',
            ),
            DeclareLaunchArgument(
                'config',
                default_value='{}',
                description='YAML mapping that overrides settings of the algorithm',
            ),
            DeclareLaunchArgument(
                'evaluation_episodes',
                default_value='10',
                description='fresh goals at the end',
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
            OpaqueFunction(function=check, args=['train_real']),
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
                        'control_period': LaunchConfiguration('control_period'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='env_node',
                namespace=LaunchConfiguration('namespace'),
                parameters=[
                    {
                        'backend': 'guard',
                        'robot': text('robot'),
                        'task': text('task'),
                        'control': text('control'),
                        'reward': text('reward'),
                        'control_period': LaunchConfiguration('control_period'),
                        'goal': text('goal'),
                        'arm': text('arm'),
                        'driver': text('driver'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='trainer_node',
                namespace=LaunchConfiguration('namespace'),
                parameters=[
                    {
                        'autostart': True,
                        'algorithm': text('algo'),
                        'steps': LaunchConfiguration('steps'),
                        'seed': LaunchConfiguration('seed'),
                        'out': text('out'),
                        'resume': LaunchConfiguration('resume'),
                        'algorithm_options': text('config'),
                        'evaluation_episodes': LaunchConfiguration('evaluation_episodes'),
                        'env_timeout': 90.0,
                        'result': text('result'),
                    }
                ],
                on_exit=finished,
                **PROCESS,
            ),
        ]
    )
