# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm's dynamics, against closed forms."""

import numpy as np
import pytest

from franka_rl_core.fci import dynamics
from franka_rl_core.fci.dynamics import ARMATURE, TABLE_STIFFNESS, ArmDynamics
from franka_rl_core.robot_model import load_robot

ROBOTS = ['panda', 'fr3']
ZERO = np.zeros(7)


@pytest.fixture
def undamped(monkeypatch):
    monkeypatch.setattr(dynamics, 'DAMPING', 0.0)


@pytest.mark.parametrize('robot', ROBOTS)
def test_the_tool_is_where_the_robot_model_says(robot):
    model = load_robot(robot)
    arm = ArmDynamics(model)
    for position in (model.home, model.home + 0.3, np.array([0.5, 0.2, -0.3, -1.5, 0.4, 2.0, -1])):
        arm.reset(position)
        assert np.allclose(arm.tool_position, model.tool_position(position[None])[0], atol=1e-9)


@pytest.mark.parametrize('robot', ROBOTS)
def test_gravity_is_compensated(robot):
    model = load_robot(robot)
    arm = ArmDynamics(model)
    arm.reset(model.home)
    for _ in range(100):
        arm.step(ZERO)
    assert np.array_equal(arm.position, model.home) and not arm.velocity.any()


@pytest.mark.usefixtures('undamped')
@pytest.mark.parametrize('robot', ROBOTS)
def test_without_friction_and_torque_the_energy_stays(robot):
    model = load_robot(robot)
    arm = ArmDynamics(model)
    arm.reset(model.home, np.array([0.5, -0.4, 0.6, 0.5, -1.0, 0.8, 1.0]))
    before = arm.kinetic_energy
    for _ in range(500):
        arm.step(ZERO)
    assert arm.kinetic_energy == pytest.approx(before, rel=2e-3)
    assert np.abs(arm.velocity - [0.5, -0.4, 0.6, 0.5, -1.0, 0.8, 1.0]).max() > 0.05


@pytest.mark.usefixtures('undamped')
@pytest.mark.parametrize('robot', ROBOTS)
def test_the_work_of_a_torque_is_the_energy(robot):
    model = load_robot(robot)
    arm = ArmDynamics(model)
    arm.reset(model.home)
    torque, work = np.array([3.0, -2.0, 1.0, 2.0, 0.3, -0.2, 0.1]), 0.0
    for _ in range(300):
        last = arm.position.copy()
        arm.step(torque)
        work += torque @ (arm.position - last)
    assert work > 0.3
    # Semi-implicit Euler counts half a step too much: an error of the order of the step.
    assert arm.kinetic_energy == pytest.approx(work, rel=1e-2)


def test_the_last_joint_turns_as_its_rotor_and_the_hand():
    """Of the hand's inertia about the flange, only some 0.003 kg m2 add to the rotor's 0.1."""
    model = load_robot('fr3')
    arm = ArmDynamics(model)
    arm.reset(model.home)
    arm.step(np.eye(7)[6])
    assert 1e-3 / (ARMATURE + 0.01) < arm.velocity[6] < 1e-3 / ARMATURE


@pytest.mark.parametrize('robot', ROBOTS)
def test_a_tool_in_the_table_is_pushed_up_by_spring_and_jacobian(robot):
    model = load_robot(robot)
    arm = ArmDynamics(model)
    arm.reset(model.home)
    depth = 2e-3
    arm = ArmDynamics(model, table_height=arm.tool_position[2] + depth)
    arm.reset(model.home)
    arm.step(ZERO)
    assert arm.external_wrench == pytest.approx([0, 0, TABLE_STIFFNESS * depth, 0, 0, 0], rel=1e-6)
    heights = [model.tool_position(model.home + sign * 1e-6 * np.eye(7)) for sign in (1.0, -1.0)]
    slope = (heights[0] - heights[1])[:, 2] / 2e-6
    assert arm.external_torque == pytest.approx(slope * TABLE_STIFFNESS * depth, abs=1e-5)
    for _ in range(400):
        arm.step(-20.0 * arm.velocity)
    assert not arm.loaded and not arm.external_torque.any()


def test_a_push_lasts_until_the_next_one_and_a_reset_ends_it():
    model = load_robot('fr3')
    arm = ArmDynamics(model)
    arm.reset(model.home)
    arm.push(torque=np.eye(7)[0])
    arm.step(ZERO)
    assert arm.external_torque[0] == 1.0 and arm.velocity[0] > 0.0
    arm.push(torque=ZERO)
    arm.step(ZERO)
    assert not arm.external_torque.any()
    arm.push(wrench=np.array([0.0, 0.0, 10.0, 0.0, 0.0, 0.0]))
    arm.step(ZERO)
    assert arm.external_wrench[2] == 10.0 and arm.external_torque.any()
    arm.reset(model.home)
    arm.step(ZERO)
    assert not arm.velocity.any()


def test_dry_friction_stops_the_arm_and_does_not_move_it():
    model = load_robot('fr3')
    arm = ArmDynamics(model, friction=0.5)
    arm.reset(model.home, np.full(7, 0.2))
    for _ in range(2000):
        arm.step(ZERO)
    assert np.abs(arm.velocity).max() < 1e-3
    rest = arm.position.copy()
    for _ in range(200):
        arm.step(ZERO)
    assert np.abs(arm.position - rest).max() < 1e-3


@pytest.mark.parametrize(('speed', 'force'), [(0.0, 1.0), (-0.05, 6.0), (0.005, 0.5), (0.05, 0.0)])
def test_the_table_damps_and_does_not_hold_the_tool_back(speed, force):
    model = load_robot('fr3')
    arm = ArmDynamics(model)
    arm.reset(model.home)
    arm = ArmDynamics(model, table_height=arm.tool_position[2] + 1e-4)
    ahead, behind = (model.tool_position(model.home + s * 1e-6 * np.eye(7)) for s in (1.0, -1.0))
    slope = (ahead - behind)[:, 2] / 2e-6
    arm.reset(model.home, slope / (slope @ slope) * speed)  # only its vertical velocity counts
    arm.step(ZERO)
    assert arm.external_wrench[2] == pytest.approx(force, rel=1e-5)


def test_the_damping_slows_a_joint_down():
    arm = ArmDynamics(load_robot('fr3'))
    arm.reset(load_robot('fr3').home, np.eye(7)[6])
    for _ in range(500):
        arm.step(ZERO)
    assert arm.velocity[6] == pytest.approx(np.exp(-dynamics.DAMPING / 0.102 * 0.5), abs=1e-3)
