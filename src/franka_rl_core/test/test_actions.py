# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""From actions to joint targets: the displacement that was asked for, and no more."""

import numpy as np
import pytest

from franka_rl_core import registry
from franka_rl_core.tasks.reach import GOAL_HIGH, GOAL_LOW, START

CONTROLS = registry.available('actions')


@pytest.fixture(params=CONTROLS)
def decoder(request, model):
    return registry.find('actions', request.param)(model)


@pytest.fixture
def ee(model):
    return registry.find('actions', 'ee')(model)


@pytest.fixture
def joints(model):
    return registry.find('actions', 'joints')(model)


def postures(count, seed=0):
    """Return joint positions (count, 7) around the start of the reach task."""
    return START + np.random.default_rng(seed).uniform(-0.3, 0.3, (count, 7))


def actions(decoder, count, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, decoder.size)).astype(np.float32)


# Every decoder


def test_shape_and_type(decoder, model, arm_of):
    target = decoder.decode(actions(decoder, 5), arm_of(model, postures(5)))
    assert target.shape == (5, 7) and target.dtype == np.float64


def test_rows_do_not_depend_on_each_other(decoder, model, arm_of):
    action, position = actions(decoder, 64), postures(64)
    together = decoder.decode(action, arm_of(model, position))
    for i in range(64):
        row = slice(i, i + 1)
        alone = decoder.decode(action[row], arm_of(model, position[row]))
        assert alone.tobytes() == together[row].tobytes()


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_stays_so_and_spoils_no_other(decoder, model, arm_of, bad):
    action, arm = actions(decoder, 4), arm_of(model, postures(4))
    good = decoder.decode(action, arm)
    action[2, 1] = bad
    target = decoder.decode(action, arm)
    assert not np.isfinite(target[2]).all()
    assert target[[0, 1, 3]].tobytes() == good[[0, 1, 3]].tobytes()


def test_values_beyond_one_count_as_one(decoder, model, arm_of):
    arm = arm_of(model, postures(2))
    beyond = np.array([[7.0], [-1e30]]) * np.ones((2, decoder.size))
    same = decoder.decode(np.sign(beyond), arm)
    assert decoder.decode(beyond, arm).tobytes() == same.tobytes()


def test_neither_action_nor_state_is_changed(decoder, model, arm_of):
    action, arm = 3.0 * actions(decoder, 3), arm_of(model, postures(3))
    copies = action.copy(), arm.joint_position.copy(), arm.jacobian.copy()
    decoder.decode(action, arm)
    for array, copy in zip((action, arm.joint_position, arm.jacobian), copies, strict=True):
        assert (array == copy).all()


def test_scale(decoder):
    assert decoder.scale == decoder.default_scale == 0.05  # panda-gym's, in m and in rad
    assert type(decoder)(decoder.model, 0.02).scale == 0.02
    assert {'ee': 'm', 'joints': 'rad'}[decoder.name] == decoder.unit


# Joints


def test_joints_are_displaced_by_the_scaled_action(joints, model, arm_of):
    position = postures(3)
    action = np.array([[1.0] * 7, [-1.0] * 7, [0.5, 0.0, -0.5, 0.25, 0.0, 1.0, -1.0]])
    target = joints.decode(action, arm_of(model, position))
    assert target - position == pytest.approx(0.05 * action, abs=1e-15)


# End effector


def angle(rotation, other):
    """Return the angle between orientations (N, 3, 3) [rad]."""
    cosine = 0.5 * (np.trace(rotation @ other.T, axis1=1, axis2=2) - 1.0)
    return np.arccos(np.clip(cosine, -1.0, 1.0))


@pytest.mark.parametrize('posture', [START, None], ids=['start', 'home'])
@pytest.mark.parametrize('direction', np.vstack([np.eye(3), -np.eye(3)]).tolist())
def test_the_tool_moves_as_asked(ee, model, arm_of, posture, direction):
    position = np.array([model.home if posture is None else posture])
    before = arm_of(model, position)
    after = arm_of(model, ee.decode(np.array([direction]), before))
    moved = (after.tool_position - before.tool_position)[0]
    assert moved == pytest.approx(0.05 * np.array(direction), abs=0.05 * 0.08)
    assert angle(after.tool_rotation, before.tool_rotation[0]) < 0.02


def test_no_action_no_motion(ee, model, arm_of):
    target = ee.decode(np.zeros((1, 3)), arm_of(model, [model.home]))
    assert target[0] == pytest.approx(model.home, abs=1e-12)


@pytest.fixture
def walk(ee, model, arm_of):
    """Drive 16 arms through 500 steps to random goals; give the states and what was asked."""
    rng = np.random.default_rng(0)
    position = np.tile(START, (16, 1))
    goal = rng.uniform(GOAL_LOW, GOAL_HIGH, (16, 3))
    arms, asked = [], []
    for _ in range(500):
        arms.append(arm_of(model, position))
        new = rng.random(16) < 0.05
        goal[new] = rng.uniform(GOAL_LOW, GOAL_HIGH, (new.sum(), 3))
        way = 0.5 * (goal - arms[-1].tool_position) / ee.scale + rng.normal(0.0, 0.2, (16, 3))
        action = np.clip(way, -1.0, 1.0)
        asked.append(ee.scale * action)
        position = ee.decode(action, arms[-1])
    return arms, np.array(asked)


def test_over_a_long_walk_the_tool_moves_as_asked(walk):
    arms, asked = walk
    moved = np.diff([arm.tool_position for arm in arms], axis=0)
    size = np.maximum(np.linalg.norm(asked[:-1], axis=2), 0.01)
    error = np.linalg.norm(moved - asked[:-1], axis=2) / size
    assert np.median(error) < 0.04 and np.quantile(error, 0.99) < 0.15


def test_over_a_long_walk_the_orientation_is_kept(walk, ee, model, arm_of):
    arms, _ = walk
    upright = arm_of(model, [model.home]).tool_rotation[0]
    tilt = np.array([angle(arm.tool_rotation, upright) for arm in arms[10:]])
    assert tilt.max() < np.radians(2.0)


def test_over_a_long_walk_the_redundancy_is_bounded(walk, model):
    arms, _ = walk
    position = np.array([arm.joint_position for arm in arms])
    assert (position > model.range_lower).all() and (position < model.range_upper).all()
    assert np.abs(position - START).max() < 1.2


def test_a_turned_tool_is_turned_back(ee, model, arm_of):
    upright = arm_of(model, [model.home]).tool_rotation[0]
    arm = arm_of(model, postures(8))
    first = angle(arm.tool_rotation, upright)
    assert first.min() > 0.1
    for _ in range(10):
        arm = arm_of(model, ee.decode(np.zeros((8, 3)), arm))
    assert (angle(arm.tool_rotation, upright) < 0.02).all()


def test_the_redundant_motion_goes_home(ee, model, arm_of):
    """From a posture with the elbow turned out, standing still brings it back."""
    start = model.home + np.array([0.3, 0.0, -0.3, 0.0, 0.3, 0.0, 0.0])
    arm = arm_of(model, [start])
    for _ in range(300):
        arm = arm_of(model, ee.decode(np.zeros((1, 3)), arm))
    assert np.abs(arm.joint_position - model.home).max() < 0.5 * np.abs(start - model.home).max()


def test_near_a_singular_posture_the_motion_is_bounded(ee, model, arm_of):
    """With the elbow stretched, a step outward must not ask for a leap of the joints."""
    stretched = model.home.copy()
    stretched[1], stretched[3], stretched[5] = 0.6, model.range_upper[3] - 0.01, 1.0
    target = ee.decode(np.array([[1.0, 0.0, 0.0]]), arm_of(model, [stretched]))
    assert np.abs(target - stretched).max() < 1.5
