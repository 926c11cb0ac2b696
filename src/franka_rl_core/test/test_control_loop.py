# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Deployment repeats training: the same recorded state gives the same bits."""

import numpy as np
import pytest

from franka_rl_core.control_loop import ControlLoop
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_core.safety.base import Reason, Verdict
from franka_rl_core.state import RobotState

pytest.importorskip('onnx')


@pytest.mark.parametrize('robot', ['panda', 'fr3'])
@pytest.mark.parametrize('num_envs', [1, 16])
def test_the_loop_commands_what_the_environment_commands(tmp_path, robot, num_envs):
    config = EnvConfig(robot=robot, backend='mock', num_envs=num_envs)
    write_proportional_bundle(tmp_path, config)
    loop = ControlLoop(PolicyBundle(tmp_path))
    env = FrankaVectorEnv(config)
    observation, _ = env.reset(seed=1)
    for _ in range(30):
        arm, goal = env.arm, env.goals.goal
        action = loop.bundle.act(observation)
        trained = env.parts.chain(env.parts.decoder.decode(action, arm), arm)
        # World by world, as one arm is deployed.
        for world in range(num_envs):
            row = slice(world, world + 1)
            state = RobotState(arm.joint_position[row], arm.joint_velocity[row], arm.stamp_ns[row])
            deployed = loop.step(state, goal[row])
            assert np.array_equal(deployed.joint_position[0], trained.joint_position[world])
            assert deployed.verdict[0] == trained.verdict[world]
        observation, *_ = env.step(action)


def test_the_loop_drives_an_arm_to_its_goal(tmp_path):
    config = EnvConfig(backend='mock')
    write_proportional_bundle(tmp_path, config)
    loop = ControlLoop(PolicyBundle(tmp_path))
    env = FrankaVectorEnv(config)
    env.reset(seed=2)
    goal = env.goals.goal.copy()
    for _ in range(50):
        proposed = loop.propose(env.arm, goal)
        if proposed.success[0]:
            break
        _, _, terminated, _, _ = env.step(proposed.action)
        if terminated[0]:
            break
    assert proposed.distance[0] < 0.1
    assert proposed.success[0] or terminated[0]


def test_old_data_holds(tmp_path):
    config = EnvConfig(backend='mock')
    write_proportional_bundle(tmp_path, config)
    loop = ControlLoop(PolicyBundle(tmp_path))
    position = loop.parts.task.start_joint_position(loop.parts.model)[None]
    state = RobotState(position, np.zeros((1, 7)), np.zeros(1, np.int64))
    goal = np.array([[0.6, 0.0, 0.2]])
    command = loop.step(state, goal, state_age=1.0)
    assert (command.verdict[0], command.reason[0]) == (Verdict.HELD, Reason.STALE_STATE)
    assert np.array_equal(command.joint_position, position)
