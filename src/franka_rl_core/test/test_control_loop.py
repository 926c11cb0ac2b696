# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Deployment repeats training: the same recorded state gives the same bits."""

import numpy as np
import pytest

from franka_rl_core.backends.mock import MockBackend
from franka_rl_core.control_loop import ControlLoop
from franka_rl_core.envs.base import goal_observation
from franka_rl_core.envs.config import EnvConfig, make_parts
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.policies.bundle import PolicyBundle, write_bundle
from franka_rl_core.policies.metadata import describe
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_core.robot_model import load_robot
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


class Recorded(MockBackend):
    """Keeps what it was sent, and from which state."""

    def __init__(self, *args):
        super().__init__(*args)
        self.states, self.targets = [], []

    def step(self, joint_target):
        self.states.append(self.state)
        self.targets.append(joint_target.copy())
        return super().step(joint_target)


def _bundle(folder, config):
    """Write the bundle of a policy a = tanh(W o), for any control."""
    from onnx import TensorProto, helper, numpy_helper

    metadata = describe(config, make_parts(config))
    width, size = sum(term['size'] for term in metadata.observation), metadata.action['size']
    weight = np.random.default_rng(0).normal(0, 1, (width, size)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node('MatMul', ['observation', 'weight'], ['raw']),
            helper.make_node('Tanh', ['raw'], ['action']),
        ],
        'random',
        [helper.make_tensor_value_info('observation', TensorProto.FLOAT, ['n', width])],
        [helper.make_tensor_value_info('action', TensorProto.FLOAT, ['n', size])],
        [numpy_helper.from_array(weight, 'weight')],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)
    write_bundle(folder, model.SerializeToString(), metadata)
    return PolicyBundle(folder)


@pytest.mark.parametrize('robot', ['panda', 'fr3'])
@pytest.mark.parametrize('control', ['ee', 'joints'])
def test_recorded_states_give_the_bits_of_training(tmp_path, robot, control):
    """What training observed and sent, deployment observes and sends, state by state."""
    config = EnvConfig(robot=robot, control=control, backend='mock', num_envs=12)
    policy = _bundle(tmp_path, config)
    backend = Recorded(load_robot(robot), 12, config.control_period)
    env = FrankaVectorEnv(config, backend=backend)
    observation, _ = env.reset(seed=3)
    observed, goals, actions = [], [], []
    for _ in range(60):  # into the second episode
        observed.append(observation)
        goals.append(env.goals.goal)
        actions.append(policy.act(observation))
        observation, *_ = env.step(actions[-1])
    loop = ControlLoop(policy)
    for i, state in enumerate(backend.states):
        seen = goal_observation(loop.parts, loop.parts.model.arm_state(state), goals[i])
        assert {k: v.tobytes() for k, v in seen.items()} == {
            k: v.tobytes() for k, v in observed[i].items()
        }
        assert loop.propose(state, goals[i]).action.tobytes() == actions[i].tobytes()
        assert loop.step(state, goals[i]).joint_position.tobytes() == backend.targets[i].tobytes()


def test_what_the_loop_proposes_says_how_far_the_goal_is(tmp_path):
    config = EnvConfig(backend='mock', num_envs=8)
    loop = ControlLoop(_bundle(tmp_path, config))
    env = FrankaVectorEnv(config)
    env.reset(seed=0)
    for _ in range(20):
        action = loop.propose(env.arm, env.goals.goal).action
        goal = env.goals.goal
        _, _, _, _, infos = env.step(action)
        ended = infos['_final_obs']
        proposed = loop.propose(env.arm, goal)
        assert (proposed.distance == infos['distance'])[~ended].all()
        assert (proposed.success == infos['is_success'])[~ended].all()


@pytest.mark.parametrize(
    ('ages', 'reason'),
    [
        ({'target_age': 1.0}, Reason.STALE_TARGET),
        ({'state_age': float('nan')}, Reason.STALE_STATE),
        ({'target_age': float('nan')}, Reason.STALE_TARGET),
    ],
)
def test_old_or_undated_data_holds_where_the_caller_says(tmp_path, ages, reason):
    loop = ControlLoop(_bundle(tmp_path, EnvConfig(backend='mock')))
    position = loop.parts.task.start_joint_position(loop.parts.model)[None]
    state = RobotState(position, np.zeros((1, 7)), np.zeros(1, np.int64))
    command = loop.step(state, np.array([[0.6, 0.0, 0.2]]), hold=position + 1e-4, **ages)
    assert (command.verdict[0], command.reason[0]) == (Verdict.HELD, reason)
    assert command.joint_position == pytest.approx(position + 1e-4, abs=1e-12)


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
