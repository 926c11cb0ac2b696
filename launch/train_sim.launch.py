# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
Train a policy in simulation, store it as a bundle and evaluate it.

    ros2 launch franka_rl train_sim.launch.py steps:=60000 out:=runs/demo

The trainer steps the environment, and the environment steps the simulator, in lock-step.
The exit code is 0 when the trainer has finished, and 1 when a node failed or Ctrl-C came first.
Without ``ros2 launch``: ``franka-rl up train_sim``.
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
                default_value='dense',
                description='reward of the task: dense, sparse, or another of its own',
            ),
            DeclareLaunchArgument(
                'num_envs',
                default_value='8',
                description='worlds that are stepped together',
            ),
            DeclareLaunchArgument(
                'workers',
                default_value='0',
                description='simulator processes; 0 for as many as help',
            ),
            DeclareLaunchArgument(
                'control_period',
                default_value='0.04',
                description='time between two actions [s]',
            ),
            DeclareLaunchArgument(
                'algo',
                default_value='ppo',
                description='algorithm: ppo, sac, ddpg or td3',
            ),
            DeclareLaunchArgument(
                'steps',
                default_value='0',
                description='environment steps; 0 for the default of the algorithm',
            ),
            DeclareLaunchArgument(
                'seed',
                default_value='0',
                description='seed of everything',
            ),
            DeclareLaunchArgument(
                'randomization',
                default_value='{}',
                description='YAML mapping of deviations, see docs/training.md',
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
                default_value='-1',
                description='fresh goals at the end; -1 for the default of the algorithm',
            ),
            DeclareLaunchArgument(
                'device',
                default_value='cpu',
                description='what computes backend kinematic: cpu or cuda',
            ),
            DeclareLaunchArgument(
                'compile',
                default_value='false',
                description='fuse the arithmetic of backend kinematic',
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
            OpaqueFunction(function=check, args=['train_sim']),
            # The nodes name themselves, as with `franka-rl up`.
            Node(
                package='franka_rl_nodes',
                executable='simulator_node',
                parameters=[
                    {
                        'mode': 'lockstep',
                        'robot': text('robot'),
                        'backend': text('backend'),
                        'num_worlds': LaunchConfiguration('num_envs'),
                        'workers': LaunchConfiguration('workers'),
                        'control_period': LaunchConfiguration('control_period'),
                        'device': text('device'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='env_node',
                parameters=[
                    {
                        'robot': text('robot'),
                        'task': text('task'),
                        'control': text('control'),
                        'reward': text('reward'),
                        'num_envs': LaunchConfiguration('num_envs'),
                        'control_period': LaunchConfiguration('control_period'),
                        'device': text('device'),
                        'compile': LaunchConfiguration('compile'),
                        'randomization': text('randomization'),
                    }
                ],
                on_exit=required,
                **PROCESS,
            ),
            Node(
                package='franka_rl_nodes',
                executable='trainer_node',
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
                        'result': text('result'),
                    }
                ],
                on_exit=finished,
                **PROCESS,
            ),
        ]
    )
