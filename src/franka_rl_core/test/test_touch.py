# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The tasks of touching points: goals, rewards, start, and that all of it can be reached."""

import numpy as np
import pytest

from franka_rl_core import registry
from franka_rl_core.envs.config import EnvConfig, make_parts, safety_config
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.reachability import check_goals
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.safety.base import SafetyConfig
from franka_rl_core.state import RobotState
from franka_rl_core.tasks.touch_plane import TouchPlaneTask
from franka_rl_core.tasks.touch_plane_upright import ABOVE, TouchPlaneUprightTask
from franka_rl_core.tasks.touch_point import TouchPointTask

TASKS = ('touch_point', 'touch_plane', 'touch_plane_upright')


@pytest.mark.parametrize('name', TASKS)
def test_the_goals_are_those_of_the_list_and_all_of_them_come(name):
    task = registry.find('tasks', name)('dense')
    drawn = task.sample_goal(np.random.default_rng(0).random((500, task.random_size)))
    assert drawn.shape == (500, task.goal_size)
    found = {tuple(goal) for goal in drawn.round(9)}
    assert found == {tuple(goal) for goal in task.fixed_goals().round(9)}


def test_the_goals_are_the_published_ones():
    expected = [[x, y, 0.0] for x in (0.4, 0.5, 0.6) for y in (-0.2, 0.0, 0.2)]
    np.testing.assert_allclose(TouchPlaneTask('dense').fixed_goals(), expected)
    np.testing.assert_allclose(TouchPointTask('dense').fixed_goals(), [[0.2, 0.1, 0.4]])


@pytest.mark.parametrize(
    ('distance', 'bonus', 'missed'),
    [(0.031, 0.0, 1.0), (0.029, 0.5, 1.0), (0.0149, 1.5, 1.0), (0.0099, 1.5, 0.0)],
)
def test_the_published_reward_and_ours(distance, bonus, missed):
    goal = np.array([[0.2, 0.1, 0.4]])
    achieved = goal + [[0.0, distance, 0.0]]
    for reward, expected in (('seed', bonus - distance), ('dense', -distance - 0.1 * missed)):
        task = TouchPointTask(reward)
        assert task.reward(task.judge(achieved, goal).terms) == pytest.approx(expected)
        assert task.judge(achieved, goal).success.tolist() == [missed == 0.0]


def test_to_hover_never_pays_more_than_to_arrive():
    """The published reward fails this: 1.5 for each of the steps that are left."""
    goal = np.zeros((1, 3))
    hovering, arrived = goal + [[0.0, 0.0, 0.0101]], goal + [[0.0, 0.0, 0.0099]]
    returns = {}
    for reward in ('dense', 'seed'):
        task = TouchPointTask(reward)
        stay = 100 * task.reward(task.judge(hovering, goal).terms)[0]
        returns[reward] = stay, task.reward(task.judge(arrived, goal).terms)[0]
    assert returns['dense'][0] < returns['dense'][1]
    assert returns['seed'][0] > returns['seed'][1]


@pytest.mark.parametrize('robot', available_robots())
@pytest.mark.parametrize('name', TASKS)
def test_the_start_is_legal_and_the_goals_are_inside_the_workspace(name, robot):
    model = load_robot(robot)
    config = EnvConfig(robot=robot, task=name)
    parts = make_parts(config)
    margin = parts.chain.config.joint_margin
    start = parts.task.start_joint_position(model)
    assert ((start > model.range_lower + margin) & (start < model.range_upper - margin)).all()
    lowest = model.workspace_lower + [0.0, 0.0, parts.chain.config.floor_shift]
    goals = parts.task.fixed_goals()[:, :3]
    assert ((goals > lowest + 0.02) & (goals < model.workspace_upper - 0.02)).all()
    found = model.inverse_kinematics(goals, np.tile(model.home, (len(goals), 1)))
    assert np.linalg.norm(model.tool_position(found) - goals, axis=1).max() < 1e-6


@pytest.mark.parametrize('robot', available_robots())
def test_at_the_start_the_arm_touches_nothing(robot):
    """A guard would hold it there."""
    pytest.importorskip('pinocchio')
    from franka_rl_core.guard.collision import CollisionCheck

    model = load_robot(robot)
    start = TouchPlaneTask('dense').start_joint_position(model)
    assert CollisionCheck(model, margin=0.02, table_height=-0.1).touching(start) == ''


def test_tasks_choose_control_scale_and_limits_where_users_do_not():
    config = EnvConfig(task='touch_plane')
    assert (config.control, EnvConfig().control) == ('joints', 'ee')
    assert make_parts(config).decoder.scale == 0.032
    assert make_parts(EnvConfig(task='touch_plane', action_scale=0.01)).decoder.scale == 0.01
    assert make_parts(EnvConfig(task='touch_plane', control='ee')).decoder.scale == 0.05
    assert safety_config(config).floor_shift == -0.08
    mine = EnvConfig(task='touch_plane', safety={'floor_shift': 0.02, 'joint_margin': 0.1})
    assert (safety_config(mine).floor_shift, safety_config(mine).joint_margin) == (0.02, 0.1)
    with pytest.raises(UnknownNameError, match="unknown task 'tuoch_plane'.*touch_plane"):
        EnvConfig(task='tuoch_plane')


@pytest.mark.parametrize(
    ('goal', 'message'),
    [
        (
            (0.5, 0.0, -0.3),
            'outside of the workspace of panda: x 0.1 to 0.85, y -0.6 to 0.6, z',
        ),
        ((0.84, 0.59, 1.0), 'out of the reach of panda: the nearest that it comes to is'),
        ((float('nan'), 0.0, 0.5), 'outside of the workspace'),
    ],
)
def test_goals_that_cannot_be_reached_are_refused(goal, message):
    model = load_robot('panda')
    with pytest.raises(RefusedError, match=message):
        check_goals(model, SafetyConfig(), [(0.5, 0.0, 0.3), goal])
    check_goals(model, SafetyConfig(), [(0.5, 0.0, 0.3)])


def test_a_task_whose_goals_cannot_be_reached_is_refused_before_it_starts():
    with pytest.raises(RefusedError, match=r'goal \(0.400, -0.200, 0.000\) m is outside'):
        FrankaVectorEnv(task='touch_plane', backend='mock', safety={'floor_shift': 0.0})


def test_the_state_is_that_of_the_seed():
    """The goal and seven joints; where the tool is follows from them."""
    env = FrankaVectorEnv(task='touch_plane', backend='mock')
    observation, _ = env.reset(seed=0)
    assert observation['observation'].shape == (1, 7)
    assert observation['desired_goal'].shape == (1, 3)
    assert env.single_action_space.shape == (7,)
    env.close()


def test_a_hand_that_is_upright_over_the_goal_has_no_tilt(model):
    task = TouchPlaneUprightTask('dense')
    arm = model.arm_state(RobotState(model.home[None], np.zeros((1, 7)), np.zeros(1, np.int64)))
    achieved = task.achieved_goal(arm)
    assert achieved[0, 5] - achieved[0, 2] == pytest.approx(ABOVE)
    goal = np.hstack([achieved[:, :3], achieved[:, :3] + [[0.0, 0.0, ABOVE]]])
    assert task.judge(achieved, goal).terms['tilt'][0] == pytest.approx(0.0, abs=1e-5)
    lying = np.hstack([achieved[:, :3], achieved[:, :3] + [[ABOVE, 0.0, 0.0]]])
    tilt = task.judge(lying, goal).terms['tilt'][0]
    assert tilt == pytest.approx(2**0.5 * ABOVE, rel=1e-3)
    assert task.judge(lying, goal).success.all(), 'success is that of the tool'


def test_an_episode_has_all_its_steps_also_after_a_success():
    env = FrankaVectorEnv(task='touch_point', backend='mock')
    env.reset(seed=0)
    found = env.backend.inverse_kinematics([[0.2, 0.1, 0.4]], env.arm.joint_position)
    lengths, steps = [], 0
    while len(lengths) < 2:
        towards = np.clip((found - env.arm.joint_position) / 0.032, -1.0, 1.0)
        action = towards if not lengths else 0.0 * towards
        _, _, terminated, truncated, _ = env.step(action.astype(np.float32))
        steps += 1
        if terminated[0] or truncated[0]:
            lengths.append((steps, bool(terminated[0])))
            steps = 0
    assert lengths[0][1] and 40 < lengths[0][0] < 150
    assert lengths[1] == (500, False)
    env.close()
