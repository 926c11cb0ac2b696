# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""ikpy's kinematics, and that of all other simulators: they agree."""

import numpy as np
import pytest

pytest.importorskip('ikpy')
pytest.importorskip('pybullet')
pytest.importorskip('torch')

from franka_rl_core import registry
from franka_rl_core.actions.ee import EeDecoder
from franka_rl_core.actions.joints import JointsDecoder
from franka_rl_core.backends.ikpy import IkpyBackend
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.state import RobotState
from franka_rl_core.tasks.touch_plane import TouchPlaneTask
from franka_rl_core.tasks.touch_point import TouchPointTask

SIMULATORS = ('ikpy', 'kinematic', 'pybullet')
GOALS = np.array([*TouchPlaneTask.goals, *TouchPointTask.goals])


@pytest.fixture
def simulators(model):
    """Give one backend of each kind."""
    made = {name: registry.find('backends', name)(model, 1) for name in SIMULATORS}
    yield made
    for backend in made.values():
        backend.close()


def postures(model, count, seed=0):
    return np.random.default_rng(seed).uniform(model.range_lower, model.range_upper, (count, 7))


def test_all_simulators_have_the_tool_in_the_same_place(simulators, model):
    joints = postures(model, 200)
    tools = [simulators[name].forward_kinematics(joints) for name in SIMULATORS]
    for tool in tools:
        assert np.abs(tool - tools[0]).max() < 1e-6
    assert np.ptp(tools[0], axis=0).min() > 0.5, 'they are different places'


@pytest.mark.parametrize('name', SIMULATORS)
def test_all_simulators_find_postures_for_goals(simulators, model, name):
    anywhere = model.tool_position(postures(model, 10, seed=1))
    for goals, start in ((GOALS, model.home), (anywhere, model.home)):
        begin = np.tile(start, (len(goals), 1))
        found = simulators[name].inverse_kinematics(goals, begin)
        assert ((found >= model.range_lower) & (found <= model.range_upper)).all()
        for judge in SIMULATORS:
            tool = simulators[judge].forward_kinematics(found)
            assert np.linalg.norm(tool - goals, axis=1).max() < 1e-4
        assert (begin == start).all(), 'what is given is not changed'


@pytest.mark.parametrize('name', SIMULATORS)
def test_what_is_out_of_reach_is_come_near_to(simulators, model, name):
    far = np.array([[2.0, 0.5, 0.4]])
    found = simulators[name].inverse_kinematics(far, model.home[None])
    assert ((found >= model.lower) & (found <= model.upper)).all()
    tool = model.tool_position(found)
    direction = far[0] - [0.0, 0.0, 0.333]
    assert 1.0 < np.linalg.norm(far - tool) < np.linalg.norm(direction) - 0.7


@pytest.mark.parametrize('name', SIMULATORS)
def test_no_postures_are_no_problem(simulators, name):
    assert simulators[name].forward_kinematics(np.zeros((0, 7))).shape == (0, 3)
    assert simulators[name].inverse_kinematics(np.zeros((0, 3)), np.zeros((0, 7))).shape == (0, 7)


def test_forward_kinematics_follows_every_step_and_reset(model):
    backend = IkpyBackend(model, 3)
    state = backend.reset(np.tile(model.home, (3, 1)))
    for _ in range(5):
        state = backend.step(state.joint_position + [[0.01], [0.02], [-0.01]])
        expected = model.tool_position(state.joint_position)
        np.testing.assert_allclose(backend.tool_position, expected, atol=1e-12)
    before = backend.tool_position.copy()
    backend.reset(model.home[None] + 0.1, [1])
    assert (backend.tool_position[[0, 2]] == before[[0, 2]]).all()
    expected = model.tool_position(model.home[None] + 0.1)[0]
    np.testing.assert_allclose(backend.tool_position[1], expected, atol=1e-12)


def test_ee_control_is_solved_by_ikpy(model):
    decoder = EeDecoder(model)
    home = RobotState(np.tile(model.home, (3, 1)), np.zeros((3, 7)), np.zeros(3, np.int64))
    arm = model.arm_state(home)
    action = np.array([[1.0, 0.0, 0.0], [0.0, np.nan, 0.0], [0.0, -0.5, 0.3]])
    target = IkpyBackend.decoding(decoder)(action, arm)
    assert np.isnan(target[1]).all()
    after = model.arm_state(RobotState(target[[0, 2]], np.zeros((2, 7)), np.zeros(2, np.int64)))
    asked = arm.tool_position[[0, 2]] + 0.05 * action[[0, 2]]
    np.testing.assert_allclose(after.tool_position, asked, atol=1e-5)
    np.testing.assert_allclose(after.tool_rotation, arm.tool_rotation[:2], atol=1e-3)
    joints = JointsDecoder(model)
    assert IkpyBackend.decoding(joints) == joints.decode


@pytest.mark.parametrize('control', ['ee', 'joints'])
def test_an_environment_is_nearly_that_of_another_backend(control):
    """They differ by what one step of damped least squares leaves, and by float32."""
    paths = []
    for backend in ('ikpy', 'mock'):
        env = FrankaVectorEnv(backend=backend, control=control, num_envs=2)
        env.reset(seed=0)
        env.action_space.seed(0)
        for _ in range(10):
            observation, *_ = env.step(env.action_space.sample())
        paths.append(observation['achieved_goal'])
        env.close()
    np.testing.assert_allclose(*paths, atol=2e-2 if control == 'ee' else 1e-6)
