# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
The systems: which nodes they consist of, and what may be chosen.

``launch/`` says the same in ROS's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from franka_rl_core.exceptions import UnknownNameError


@dataclass(frozen=True)
class Argument:
    """Something that the user of a system may choose with ``name:=value``."""

    name: str
    default: str
    text: str


@dataclass(frozen=True)
class SystemNode:
    """
    One node of a system.

    :param name: name of the node; its program is ``<name>_node``.
    :param parameters: ROS parameters; ``{argument}`` stands for what was chosen.
    :param only: arguments and the values at which it is part of the system.
    """

    name: str
    parameters: Mapping[str, str]
    only: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """
    Nodes that are started and ended together.

    :param text: what it does.
    :param arguments: what may be chosen.
    :param nodes: its nodes; when the last one ends, its work is done, and when any other ends, it
        has failed.
    """

    text: str
    arguments: tuple[Argument, ...]
    nodes: tuple[SystemNode, ...]

    def choose(self, values: Mapping[str, str]) -> dict[str, str]:
        """
        Fill in the defaults of the arguments that were not chosen.

        :raises UnknownNameError: there is no such argument; the message lists those that are.
        """
        chosen = {argument.name: argument.default for argument in self.arguments}
        for name in values:
            if name not in chosen:
                raise UnknownNameError('argument', name, chosen)
        return chosen | dict(values)

    def parameters(self, chosen: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Give the parameters of every node that is started for the chosen arguments."""
        return {
            node.name: {key: value.format_map(chosen) for key, value in node.parameters.items()}
            for node in self.nodes
            if all(chosen[argument] == value for argument, value in node.only.items())
        }


_ROBOT = Argument('robot', 'panda', 'robot: panda or fr3')
_BACKEND = Argument('backend', 'pybullet', 'simulator: pybullet, kinematic, ikpy or mock')
_CONTROL = Argument(
    'control', '', "ee (tool displacement) or joints (of joints); empty for the task's"
)
_REWARD = Argument('reward', 'dense', 'reward of the task: dense, sparse, or another of its own')
_SPARSE = replace(_REWARD, default='sparse')
_PERIOD = Argument('control_period', '0.04', 'time between two actions [s]')
_SEED = Argument('seed', '0', 'seed of everything')
_OUT = Argument('out', '', 'folder of the run; empty for runs/<task>-<algo>-<date-time>')
_RESUME = Argument('resume', 'false', 'go on from the newest checkpoint in out')
_CONFIG = Argument('config', '{}', 'YAML mapping that overrides settings of the algorithm')
_STEPS = Argument('steps', '0', 'environment steps; 0 for the default of the algorithm')
_EVALUATION = Argument(
    'evaluation_episodes', '-1', 'fresh goals at the end; -1 for the default of the algorithm'
)
_LIMITS = Argument('limits', '{}', 'YAML mapping that overrides limits of the guard')
_RESULT = Argument('result', '', 'file for the numbers, JSON; empty for none')
_ENVIRONMENT = {
    'robot': '{robot}',
    'task': '{task}',
    'control': '{control}',
    'reward': '{reward}',
    'num_envs': '{num_envs}',
    'control_period': '{control_period}',
    'device': '{device}',
    'compile': '{compile}',
    'randomization': '{randomization}',
}

_TRAINER = {
    'autostart': 'true',
    'algorithm': '{algo}',
    'steps': '{steps}',
    'seed': '{seed}',
    'out': '{out}',
    'resume': '{resume}',
    'algorithm_options': '{config}',
    'evaluation_episodes': '{evaluation_episodes}',
    'result': '{result}',
}

_POLICY = SystemNode('policy', {'robot': '{robot}', 'policy': '{policy}'})

_REAL_ARM = (
    Argument(
        'driver',
        'franka_ros2',
        'what drives the arm: franka_ros2 (FR3), multipanda (Panda), or fci (simulated)',
    ),
    Argument('controller', 'joint_follower', "the arm's: joint_follower or joint_trajectory"),
    Argument('goal', 'random', 'random (of the task), x,y,z [m], or topic (target_pose)'),
    Argument(
        'arm',
        'auto',
        'arm the guard: true, false (an operator does), auto (only with driver:=fci)',
    ),
    _LIMITS,
    Argument(
        'same_clock',
        'true',
        "whether the arm's computer has the time of this one, to 10 ms (joint_trajectory)",
    ),
    Argument('driver_options', '{}', "YAML mapping of names in the arm's driver"),
    Argument('fci', '{}', 'YAML mapping for driver:=fci: strict, packet_loss, ...'),
    Argument('namespace', '', 'namespace of all nodes'),
    Argument('robot_ip', '172.16.0.3', 'address of the arm (ros2 launch)'),
    Argument('load_gripper', 'false', 'start the gripper too (ros2 launch)'),
    Argument('use_fake_hardware', 'false', 'an arm of ros2_control (ros2 launch)'),
)
_FCI = SystemNode(
    'simulator',
    {'mode': 'fci', 'robot': '{robot}', 'seed': '{seed}', 'fci': '{fci}'},
    only={'driver': 'fci'},
)
_REAL_GUARD = {
    'robot': '{robot}',
    'controller': '{controller}',
    'driver': '{driver}',
    'driver_options': '{driver_options}',
    'limits': '{limits}',
    'same_clock': '{same_clock}',
}

SYSTEMS = {
    'train_sim': System(
        text='Train a policy in simulation, store it as a bundle and evaluate it.',
        arguments=(
            _ROBOT,
            _BACKEND,
            Argument('task', 'reach', 'task'),
            _CONTROL,
            _REWARD,
            Argument('num_envs', '8', 'worlds that are stepped together'),
            Argument('workers', '0', 'simulator processes; 0 for as many as help'),
            _PERIOD,
            Argument('algo', 'ppo', 'algorithm: ppo, sac, ddpg or td3'),
            _STEPS,
            _SEED,
            Argument('randomization', '{}', 'YAML mapping of deviations, see docs/training.md'),
            _OUT,
            _RESUME,
            _CONFIG,
            _EVALUATION,
            Argument('device', 'cpu', 'what computes backend kinematic: cpu or cuda'),
            Argument('compile', 'false', 'fuse the arithmetic of backend kinematic'),
            _RESULT,
        ),
        nodes=(
            SystemNode(
                'simulator',
                {
                    'mode': 'lockstep',
                    'robot': '{robot}',
                    'backend': '{backend}',
                    'num_worlds': '{num_envs}',
                    'workers': '{workers}',
                    'control_period': '{control_period}',
                    'device': '{device}',
                },
            ),
            SystemNode('env', _ENVIRONMENT),
            SystemNode('trainer', _TRAINER),
        ),
    ),
    'train_ikpy': System(
        text='Train a policy on the kinematics of ikpy, without physics.',
        arguments=(
            _ROBOT,
            Argument('task', 'touch_plane', 'task'),
            _CONTROL,
            _REWARD,
            Argument('num_envs', '8', 'worlds that are stepped together'),
            _PERIOD,
            Argument('algo', 'ddpg', 'algorithm: ddpg, td3, sac or ppo'),
            _STEPS,
            _SEED,
            _OUT,
            _RESUME,
            _CONFIG,
            _EVALUATION,
            _RESULT,
        ),
        nodes=(
            SystemNode(
                'simulator',
                {
                    'mode': 'lockstep',
                    'robot': '{robot}',
                    'backend': 'ikpy',
                    'num_worlds': '{num_envs}',
                    'control_period': '{control_period}',
                },
            ),
            SystemNode(
                'env',
                {
                    'robot': '{robot}',
                    'task': '{task}',
                    'control': '{control}',
                    'reward': '{reward}',
                    'num_envs': '{num_envs}',
                    'control_period': '{control_period}',
                },
            ),
            SystemNode('trainer', _TRAINER),
        ),
    ),
    'deploy_sim': System(
        text='Drive the simulated arm by a policy, through the graph that drives the real one.',
        arguments=(
            Argument('policy', '', 'folder of the policy bundle'),
            _ROBOT,
            _BACKEND,
            Argument('episodes', '20', 'episodes to run'),
            Argument('seed', '1', 'seed of the goals'),
            Argument('rate', '100.0', 'joint states a second [Hz]'),
            _LIMITS,
            _RESULT,
        ),
        nodes=(
            SystemNode(
                'simulator',
                {'mode': 'streaming', 'robot': '{robot}', 'backend': '{backend}', 'rate': '{rate}'},
            ),
            SystemNode(
                'guard', {'robot': '{robot}', 'policy': '{policy}', 'limits': '{limits}'}
            ),
            _POLICY,
            SystemNode(
                'evaluator',
                {
                    'policy': '{policy}',
                    'episodes': '{episodes}',
                    'seed': '{seed}',
                    'result': '{result}',
                },
            ),
        ),
    ),
    'deploy_real': System(
        text='Drive a Panda or FR3, or the arm that refuses as they do, by a policy.',
        arguments=(
            Argument('policy', '', 'folder of the policy bundle'),
            _ROBOT,
            Argument('episodes', '20', 'episodes to run'),
            Argument('seed', '1', 'seed of the goals'),
            *_REAL_ARM,
            _RESULT,
        ),
        nodes=(
            _FCI,
            SystemNode('guard', {**_REAL_GUARD, 'policy': '{policy}'}),
            _POLICY,
            SystemNode(
                'evaluator',
                {
                    'policy': '{policy}',
                    'episodes': '{episodes}',
                    'seed': '{seed}',
                    'goal': '{goal}',
                    'reset': 'home',
                    'arm': '{arm}',
                    'driver': '{driver}',
                    'result': '{result}',
                },
            ),
        ),
    ),
    'train_real': System(
        text='Train a policy on a Panda or FR3, or on the arm that refuses as they do.',
        arguments=(
            _ROBOT,
            Argument('task', 'reach', 'task'),
            _CONTROL,
            _SPARSE,
            _PERIOD,
            Argument('algo', 'sac', 'algorithm: sac, td3, ddpg or ppo'),
            Argument('steps', '6000', 'environment steps'),
            Argument('seed', '0', 'seed of everything but the arm'),
            _OUT,
            _RESUME,
            _CONFIG,
            Argument('evaluation_episodes', '10', 'fresh goals at the end'),
            *_REAL_ARM,
            _RESULT,
        ),
        nodes=(
            _FCI,
            SystemNode('guard', {**_REAL_GUARD, 'control_period': '{control_period}'}),
            SystemNode(
                'env',
                {
                    'backend': 'guard',
                    'robot': '{robot}',
                    'task': '{task}',
                    'control': '{control}',
                    'reward': '{reward}',
                    'control_period': '{control_period}',
                    'goal': '{goal}',
                    'arm': '{arm}',
                    'driver': '{driver}',
                },
            ),
            SystemNode('trainer', {**_TRAINER, 'env_timeout': '90.0'}),
        ),
    ),
}


def find_system(name: str) -> System:
    """
    Look up a system.

    :raises UnknownNameError: there is none of this name; the message lists those that are.
    """
    if name not in SYSTEMS:
        raise UnknownNameError('system', name, SYSTEMS)
    return SYSTEMS[name]
