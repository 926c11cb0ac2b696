# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Tasks: goals, rewards, success; the same with NumPy and torch."""

import numpy as np
import pytest

from franka_rl_core import registry
from franka_rl_core.exceptions import UnknownNameError
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.tasks.reach import THRESHOLD, ReachTask

TASKS = registry.available('tasks')
CASES = [
    (name, reward) for name in TASKS for reward in sorted(registry.find('tasks', name).rewards)
]


@pytest.fixture(params=CASES, ids='-'.join)
def task(request):
    name, reward = request.param
    return registry.find('tasks', name)(reward)


def goals(task, count, seed=0):
    """Return achieved and desired goals; some are reached."""
    rng = np.random.default_rng(seed)
    desired = task.sample_goal(rng.random((count, task.random_size)))
    size = rng.choice([0.001, 0.03, 0.3], (count, 1))
    return desired + size * rng.normal(size=desired.shape), desired


# Every task


def test_shapes(task):
    achieved, desired = goals(task, 20)
    terms = task.judge(achieved, desired).terms
    assert tuple(terms) == task.reward_term_names
    assert all(term.shape == (20,) for term in terms.values())
    assert task.reward(terms).shape == task.judge(achieved, desired).distance.shape == (20,)
    success = task.judge(achieved, desired).success
    assert success.dtype == bool and success.any() and not success.all()


def test_any_number_of_leading_dimensions(task):
    achieved, desired = goals(task, 12)
    flat = task.reward(task.judge(achieved, desired).terms)
    deep = task.judge(*(goal.reshape(3, 4, -1) for goal in (achieved, desired))).terms
    assert (task.reward(deep) == flat.reshape(3, 4)).all()
    assert task.reward(task.judge(achieved[0], desired[0]).terms) == flat[0]


def test_rewards_are_weighted_terms(task):
    assert set(task.weights) <= set(task.reward_term_names)
    achieved, desired = goals(task, 20)
    terms = task.judge(achieved, desired).terms
    expected = sum(weight * terms[name] for name, weight in task.weights.items())
    assert (task.reward(terms) == expected).all()


def test_inputs_are_not_changed(task):
    achieved, desired = goals(task, 5)
    copies = achieved.copy(), desired.copy()
    task.reward(task.judge(achieved, desired).terms)
    assert (achieved == copies[0]).all() and (desired == copies[1]).all()


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_torch_gives_what_numpy_gives(task, dtype):
    torch = pytest.importorskip('torch')
    arrays = [goal.astype(dtype) for goal in goals(task, 50)]
    tensors = [torch.from_numpy(array) for array in arrays]
    (*given, terms), (*values, expected) = task.judge(*tensors), task.judge(*arrays)
    for tensor, array in zip(given, values, strict=True):
        assert isinstance(tensor, torch.Tensor)
        assert tensor.numpy() == pytest.approx(array, rel=1e-6, abs=1e-7)
    assert {name: term.dtype for name, term in terms.items()} == {
        name: getattr(torch, dtype) for name in expected
    }
    for name, term in terms.items():
        assert term.numpy() == pytest.approx(expected[name], rel=1e-6, abs=1e-7)
    reward = task.reward(terms)
    assert isinstance(reward, torch.Tensor) and reward.shape == (50,)
    assert reward.numpy() == pytest.approx(task.reward(expected), rel=1e-6, abs=1e-7)


def test_gradients_flow_through_the_reward(task):
    """Backends that are differentiable need no second reward."""
    torch = pytest.importorskip('torch')
    achieved, desired = (torch.from_numpy(goal) for goal in goals(task, 5))
    achieved.requires_grad_()
    task.judge(achieved, desired).distance.sum().backward()
    assert torch.isfinite(achieved.grad).all() and (achieved.grad != 0).any()


def test_goals_repeat_with_the_random_numbers(task):
    first, again, other = (goals(task, 3, seed)[1] for seed in (1, 1, 2))
    fixed = task.fixed_goals()
    assert (first == again).all()
    assert (first != other).any() or (fixed is not None and len(fixed) == 1)
    assert first.shape == (3, task.goal_size)


def test_a_goal_does_not_depend_on_the_others(task):
    """Also across the border between few worlds (Python floats) and many (columns)."""
    uniform = np.random.default_rng(0).random((30, task.random_size))
    alone = [task.sample_goal(row[None])[0] for row in uniform]
    assert task.sample_goal(uniform).tobytes() == np.array(alone).tobytes()


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_torch_draws_the_goals_that_numpy_draws(task, dtype):
    torch = pytest.importorskip('torch')
    uniform = np.random.default_rng(0).random((50, task.random_size)).astype(dtype)
    given = task.sample_goal(torch.from_numpy(uniform))
    assert given.dtype == getattr(torch, dtype) and given.shape == (50, task.goal_size)
    assert given.numpy() == pytest.approx(task.sample_goal(uniform), rel=1e-6, abs=1e-7)


@pytest.mark.parametrize('name', TASKS)
def test_unknown_rewards_list_the_known_ones(name):
    with pytest.raises(UnknownNameError, match=f"unknown reward of task {name} 'shaped'; known: "):
        registry.find('tasks', name)('shaped')


# Reach; the numbers are panda-gym's (PandaReach: goals in its own frame, robot at x = -0.6)

SPARSE, DENSE = ReachTask('sparse'), ReachTask('dense')


def test_reach_goals_fill_panda_gyms_box():
    low = np.array([-0.3 / 2 + 0.6, -0.3 / 2, 0.0])
    high = np.array([0.3 / 2 + 0.6, 0.3 / 2, 0.3])
    drawn = goals(DENSE, 3000)[1]
    assert (drawn >= low).all() and (drawn <= high).all()
    assert drawn.min(axis=0) == pytest.approx(low, abs=2e-3)
    assert drawn.max(axis=0) == pytest.approx(high, abs=2e-3)
    assert drawn.mean(axis=0) == pytest.approx((low + high) / 2, abs=0.01)


@pytest.mark.parametrize('robot', available_robots())
def test_reach_goals_are_in_the_workspace(robot):
    model = load_robot(robot)
    drawn = goals(DENSE, 500)[1]
    # Those that are too near the table for the hand are reached from above.
    outside = drawn - np.clip(drawn, model.workspace_lower, model.workspace_upper)
    assert np.linalg.norm(outside, axis=1).max() <= 0.6 * THRESHOLD


@pytest.mark.parametrize(
    'distance, sparse', [(0.0, 0.0), (0.0499, 0.0), (0.05, -1.0), (0.0501, -1.0), (1.0, -1.0)]
)
def test_reach_rewards_by_hand(distance, sparse):
    achieved, desired = np.zeros((1, 3)), np.array([[0.0, -distance, 0.0]])
    assert SPARSE.reward(SPARSE.judge(achieved, desired).terms) == [sparse]
    assert DENSE.reward(DENSE.judge(achieved, desired).terms) == [-distance]
    assert DENSE.judge(achieved, desired).success == [sparse == 0.0]


def test_reach_distance_is_euclidean():
    assert DENSE.judge(np.array([[1.0, 2.0, 3.0]]), np.array([[2.0, 4.0, 5.0]])).distance == [3.0]


def test_reach_starts_at_rest_away_from_most_goals(model):
    tool = model.tool_position(DENSE.start_joint_position(model)[None])[0]
    drawn = goals(DENSE, 500)[1]
    assert (np.linalg.norm(drawn - tool, axis=1) > 0.05).mean() > 0.9


@pytest.mark.parametrize(
    'control, names',
    [
        ('ee', ['tool_position', 'tool_velocity']),
        ('joints', ['tool_position', 'tool_velocity', 'joint_position', 'joint_velocity']),
    ],
)
def test_reach_observation_terms(control, names):
    assert [term.name for term in DENSE.observation_terms(control)] == names


def test_reach_achieves_the_position_of_its_tool(model, arm_of):
    arm = arm_of(model, [model.home])
    assert (DENSE.achieved_goal(arm) == arm.tool_position).all()
    assert DENSE.max_episode_steps == 50 and DENSE.goal_size == 3
