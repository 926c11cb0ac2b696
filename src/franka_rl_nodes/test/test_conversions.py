# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Conversions there and back."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip('rclpy')

from franka_rl_core.envs.config import EnvConfig, make_parts
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import load_robot
from franka_rl_core.state import RobotState
from franka_rl_interfaces.srv import StepWorlds
from franka_rl_nodes import conversions as c

RNG = np.random.default_rng(0)


@pytest.mark.parametrize('dtype', ['float64', 'float32', 'int64', 'uint32', 'uint8'])
def test_fields_keep_every_bit_and_own_their_memory(dtype: str) -> None:
    values = (RNG.random((4, 7)) * 200).astype(dtype)
    field = c.to_field(values, dtype)
    back = c.from_field(field, dtype, 4, 7)
    assert back.dtype == dtype and np.array_equal(back, values)
    back[0, 0] += 1
    assert c.from_field(field, dtype, 4, 7)[0, 0] == values[0, 0]


def test_a_non_contiguous_array_becomes_the_right_field() -> None:
    values = np.arange(12.0).reshape(3, 4).T
    assert np.array_equal(c.from_field(c.to_field(values, 'float64'), 'float64', 4, 3), values)


def test_components_lie_one_after_the_other() -> None:
    values = RNG.random((4, 7))
    field = c.to_components(values, 'float64')
    assert np.array_equal(field[:4], values[:, 0])
    back = c.from_components(field, 'float64', 7)
    assert np.array_equal(back, values)
    back[0, 0] += 1
    assert field[0] == values[0, 0]


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('shape', [(5,), (5, 3)])
def test_numbers_keep_their_precision(dtype: str, shape: tuple[int, ...]) -> None:
    values = RNG.random(shape).astype(dtype)
    message = c.to_numbers(values)
    filled = message.single_precision if dtype == 'float32' else message.double_precision
    assert len(filled) == values.size
    assert len(message.single_precision) + len(message.double_precision) == values.size
    back = c.from_numbers(message, *shape[1:])
    assert back.dtype == dtype and np.array_equal(back, values)


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_states_cross_a_response(dtype: str) -> None:
    position, velocity = RNG.random((2, 3, 7)).astype(dtype)
    state = RobotState(position, velocity, np.array([1, 2, 2**62]))
    response = StepWorlds.Response()
    c.state_to_fields(state, response)
    back = c.state_from_fields(response)
    for name in ('joint_position', 'joint_velocity', 'stamp_ns'):
        assert np.array_equal(getattr(back, name), getattr(state, name))


@pytest.mark.parametrize('stamp', [0, 999_999_999, 1_000_000_000, 1_795_169_783_796_633_701])
def test_stamps_are_exact(stamp: int) -> None:
    assert c.stamp_from_msg(c.stamp_to_msg(stamp)) == stamp


def test_joint_states_are_mapped_by_name() -> None:
    model = load_robot('panda')
    position, velocity = RNG.random(7), RNG.random(7)
    shuffle = RNG.permutation(7)
    names = ['finger', *(model.joint_names[i] for i in shuffle)]
    message = c.joint_state_to_msg(
        names, [9.0, *position[shuffle]], [9.0, *velocity[shuffle]], stamp_ns=5
    )
    state = c.joint_state_from_msg(message, model)
    assert np.array_equal(state.joint_position[0], position)
    assert np.array_equal(state.joint_velocity[0], velocity)
    assert state.stamp_ns.tolist() == [5]
    assert np.array_equal(c.joint_position_from_msg(message, model), position)


def test_joint_states_of_another_robot_or_without_values_are_refused() -> None:
    model = load_robot('panda')
    other = c.joint_state_to_msg(load_robot('fr3').joint_names, np.zeros(7), np.zeros(7), 0)
    with pytest.raises(RefusedError, match='panda_joint1'):
        c.joint_state_from_msg(other, model)
    short = c.joint_state_to_msg(model.joint_names, np.zeros(7), np.zeros(3), 0)
    with pytest.raises(RefusedError, match='3 values for 7 joints'):
        c.joint_state_from_msg(short, model)


def test_goals_cross_a_pose() -> None:
    message = c.goal_to_msg([0.5, -0.1, 0.2], 'panda_link0', 7)
    assert message.header.frame_id == 'panda_link0'
    assert np.array_equal(c.goal_from_msg(message), [0.5, -0.1, 0.2])


def test_specs_cross_and_name_what_they_mean() -> None:
    config = EnvConfig(robot='fr3', control='joints', num_envs=3, backend_options={'look': 'x'})
    message = c.spec_to_msg(config, make_parts(config), real_time=False)
    assert c.spec_from_msg(message) == config
    assert [(t.name, t.unit, t.frame, t.size) for t in message.observation][-1] == (
        'joint_velocity',
        'rad/s',
        'joint',
        7,
    )
