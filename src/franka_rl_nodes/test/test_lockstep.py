# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The training graph across process borders: bit-equal to the in-process environment."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from rclpy.node import Node

from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import BackendLostError
from franka_rl_interfaces.srv import DescribeWorlds, ResetWorlds, StepWorlds
from franka_rl_nodes.conversions import to_field, to_numbers
from franka_rl_nodes.ros_vector_env import RosVectorEnv
from franka_rl_nodes.runtime import BackgroundNode, call, first_call


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, dict):
        return ours.keys() == theirs.keys() and all(_same(ours[k], theirs[k]) for k in ours)
    return ours.dtype == theirs.dtype and np.array_equal(ours, theirs)


def _graph(processes: Any, **env: Any) -> None:
    processes.node(
        'simulator',
        backend=env.pop('backend'),
        num_worlds=env['num_envs'],
        **{key: env.pop(key) for key in ('workers',) if key in env}
        | {key: env[key] for key in ('robot',) if key in env},
    )
    processes.node('env', **env)


@pytest.mark.parametrize(
    'env',
    [
        {'backend': 'mock', 'num_envs': 3, 'control': 'ee', 'robot': 'panda'},
        {'backend': 'pybullet', 'num_envs': 2, 'control': 'ee', 'robot': 'panda'},
        {'backend': 'ikpy', 'num_envs': 2, 'control': 'ee', 'robot': 'panda'},
        {'backend': 'kinematic', 'num_envs': 5, 'control': 'ee', 'robot': 'fr3'},
        {'backend': 'kinematic', 'num_envs': 700, 'control': 'joints', 'robot': 'panda'},
        {'backend': 'pybullet', 'num_envs': 3, 'workers': 2, 'control': 'joints', 'robot': 'fr3'},
    ],
)
def test_the_graph_equals_the_in_process_environment_bit_for_bit(
    processes: Any, context: Any, env: dict[str, Any]
) -> None:
    _graph(processes, **env, reward='sparse')
    graph = RosVectorEnv(context=context)
    local = FrankaVectorEnv(graph.config)
    assert graph.config.backend == env['backend']
    assert graph.single_observation_space == local.single_observation_space
    try:
        assert _same(graph.reset(seed=5)[0], local.reset(seed=5)[0])
        local.action_space.seed(5)
        ended = 0
        for step in range(130):
            actions = local.action_space.sample()
            if step == 20:
                actions[0] = np.nan
            ours, theirs = graph.step(actions), local.step(actions)
            for ours_part, theirs_part in zip(ours, theirs, strict=True):
                assert _same(ours_part, theirs_part)
            ended += int(theirs[4]['_final_obs'].sum())
        assert ended >= 4, 'no episode ended: the restart was not tested'
        # The same world twice, another one, none, and then a step: resets may be on their way.
        for world in (1, 1, 0, -1):
            mask = {'reset_mask': np.arange(env['num_envs']) == world}
            assert _same(graph.reset(options=mask)[0], local.reset(options=mask)[0])
        for _ in range(2):
            actions = local.action_space.sample()
            for ours, theirs in zip(graph.step(actions), local.step(actions), strict=True):
                assert _same(ours, theirs)
        goals = (local.goals.goal, local.arm.tool_position)
        assert _same(graph.compute_reward(*goals, {}), local.compute_reward(*goals, {}))
    finally:
        graph.close()
        local.close()


def test_wrong_actions_are_refused_before_they_are_sent(processes: Any, context: Any) -> None:
    _graph(processes, backend='mock', num_envs=2)
    graph = RosVectorEnv(context=context)
    graph.reset(seed=0)
    with pytest.raises(ValueError, match=r'actions must be \(2, 3\), not \(3,\)'):
        graph.step(np.zeros(3, np.float32))
    graph.close()


def test_what_cannot_be_answered_leaves_the_environment_alive(processes: Any, context: Any) -> None:
    _graph(processes, backend='mock', num_envs=1)
    graph = RosVectorEnv(context=context)
    with pytest.raises(BackendLostError, match='the environment was never reset'):
        graph.step(np.zeros((1, 3), np.float32))
    with pytest.raises(BackendLostError, match='seed must be 0 or more, not -1'):
        graph.reset(seed=-1)
    graph.reset(seed=1)
    graph.step(np.zeros((1, 3), np.float32))
    graph.close()


def test_a_lost_simulator_is_noticed(processes: Any, context: Any) -> None:
    simulator = processes.node('simulator', backend='mock')
    processes.node('env', timeout=1.0)
    graph = RosVectorEnv(context=context)
    graph.reset(seed=0)
    simulator.kill()
    with pytest.raises(BackendLostError, match='simulator/step_worlds did not answer within 1 s'):
        graph.step(np.zeros((1, 3), np.float32))
    graph.close()


def test_a_simulator_that_was_started_again_is_taken_up_by_a_reset(
    processes: Any, context: Any
) -> None:
    simulator = processes.node('simulator', backend='mock')
    processes.node('env', timeout=1.0)
    graph = RosVectorEnv(context=context)
    first = graph.reset(seed=0)[0]
    for _ in range(3):
        graph.step(np.ones((1, 3), np.float32))
    graph.reset(options={'reset_mask': np.array([True])})  # on its way when the simulator dies
    simulator.kill()
    with pytest.raises(BackendLostError, match='simulator/step_worlds did not answer'):
        graph.step(np.ones((1, 3), np.float32))
    processes.node('simulator', backend='mock')

    def reset() -> bool:
        try:
            return _same(graph.reset(seed=0)[0], first)
        except BackendLostError:
            return False

    assert wait_until(reset, 20.0)
    for _ in range(3):
        graph.step(np.ones((1, 3), np.float32))
    graph.close()


def test_a_simulator_that_serves_something_else_is_refused(processes: Any) -> None:
    processes.node('simulator', backend='mock', num_worlds=2)
    env = processes.node('env', num_envs=3)
    assert env.wait(30) == 2
    assert (
        "the simulator serves (robot, worlds, period [s]) ('panda', 2, 0.04)"
        in (processes.output(env)[1])
    )


def test_requests_out_of_order_or_of_wrong_shape_step_nothing(processes: Any, context: Any) -> None:
    processes.node('simulator', backend='mock', num_worlds=2)
    ros = BackgroundNode(Node('test', context=context))
    describe, step, reset = (
        ros.client(kind, f'simulator/{name}')
        for kind, name in (
            (DescribeWorlds, 'describe_worlds'),
            (StepWorlds, 'step_worlds'),
            (ResetWorlds, 'reset_worlds'),
        )
    )
    worlds = first_call(describe, DescribeWorlds.Request(), 20.0)
    assert (worlds.robot, worlds.backend, worlds.num_worlds) == ('panda', 'mock', 2)
    posture = to_field(np.zeros((2, 7)), 'float64')
    first_call(reset, ResetWorlds.Request(joint_position=posture, sequence=4), 20.0)

    def stepped(sequence: int, size: int) -> str:
        target = to_numbers(np.ones(size))
        return call(step, StepWorlds.Request(sequence=sequence, joint_target=target), 5.0).error

    assert stepped(5, 14) == ''
    assert stepped(5, 14) == 'step 5 is out of order, 6 comes next'
    assert stepped(6, 7) == 'joint_target must hold 7 × 2 values, not 7'
    broken = StepWorlds.Request(sequence=6, joint_target=to_numbers(np.full(14, np.nan)))
    assert call(step, broken, 5.0).error == 'joint_target is not finite'
    broken = StepWorlds.Request(sequence=6, joint_target=to_numbers(np.ones(14)))
    broken.reset_worlds = to_field([1], 'uint32')
    message = 'postures to put back to must hold 7 × 1 values, not 0'
    assert call(step, broken, 5.0).error == message
    assert stepped(6, 14) == ''
    wrong = ResetWorlds.Request(worlds=to_field([2], 'uint32'), joint_position=posture)
    assert call(reset, wrong, 5.0).error == 'there is no world 2, there are 2'
    wrong = ResetWorlds.Request(joint_position=to_field(np.full(14, np.inf), 'float64'))
    assert call(reset, wrong, 5.0).error == 'a posture to put back to is not finite'
    ros.close()
