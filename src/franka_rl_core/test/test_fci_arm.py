# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm behind the control interface: what it refuses, how it stops, how it recovers."""

import numpy as np
import pytest
import ruckig
from hypothesis import given, settings
from hypothesis import strategies as st

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.fci.arm import LOST_PACKETS, FciArm, Interface
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.fci.errors import RobotMode
from franka_rl_core.fci.motion_check import DT
from franka_rl_core.robot_model import load_robot

ROBOTS = ['panda', 'fr3']
ZERO = np.zeros(7)
AIR = FciConfig(table_height=-2.0)


def limit_torque(rate, command, last):
    """The limitRate() of src/rate_limiting.cpp for torques."""
    return last + max(min((command - last) / DT, rate - 1e-3), -(rate - 1e-3)) * DT


def smooth_motion(model, start, goal, share=0.5):
    """Yield the positions of a jerk-limited motion, one per millisecond."""
    otg = ruckig.Ruckig(7)
    motion = ruckig.InputParameter(7)
    motion.current_position, motion.target_position = list(start), list(goal)
    motion.max_velocity = list(share * model.velocity)
    motion.max_acceleration = list(share * model.acceleration)
    motion.max_jerk = list(share * model.jerk)
    trajectory = ruckig.Trajectory(7)
    otg.calculate(motion, trajectory)
    for millisecond in range(1, int(trajectory.duration * 1e3) + 2):
        yield np.array(trajectory.at_time(millisecond * DT)[0])


def arm_in(interface, robot='fr3', config=AIR):
    arm = FciArm(load_robot(robot), config)
    arm.start(interface)
    return arm


def run(arm, commands):
    for command in commands:
        arm.step(command)
    return arm


@pytest.mark.parametrize('robot', ROBOTS)
@pytest.mark.parametrize('interface', [Interface.POSITION, Interface.VELOCITY])
def test_a_smooth_motion_arrives_without_an_error(robot, interface):
    arm = arm_in(interface, robot)
    start = arm.joint_position.copy()
    goal = start + [0.4, -0.2, 0.3, 0.4, -0.3, 0.4, 0.5]
    positions = [start, *smooth_motion(load_robot(robot), start, goal), goal]
    if interface is Interface.VELOCITY:
        commands = np.diff(positions, axis=0) / DT
    else:
        commands = positions
    run(arm, commands)
    run(arm, [commands[-1]] * 100)
    assert arm.mode is RobotMode.MOVE and arm.errors == ()
    assert np.abs(arm.joint_position - goal).max() < 2e-3
    arm.stop()
    assert arm.mode is RobotMode.IDLE


@pytest.mark.parametrize('robot', ROBOTS)
def test_raw_positions_at_20_hertz_are_refused_at_the_first_step(robot):
    arm = arm_in(Interface.POSITION, robot)
    home = arm.joint_position.copy()
    run(arm, [home] * 50)
    arm.step(home + 1e-3)
    assert arm.errors == ('joint_motion_generator_velocity_discontinuity',)
    assert arm.mode is RobotMode.REFLEX


@pytest.mark.parametrize(
    ('interface', 'command', 'error'),
    [
        (Interface.EFFORT, np.r_[np.nan, np.zeros(6)], 'Commanding value is infinite or NaN.'),
        (Interface.POSITION, np.full(7, np.nan), 'Commanding value is infinite or NaN.'),
        (Interface.VELOCITY, np.full(7, np.inf), 'Commanding value is infinite or NaN.'),
        (Interface.POSITION, ZERO, 'joint_position_motion_generator_start_pose_invalid'),
        (Interface.VELOCITY, np.full(7, 0.1), 'joint_motion_generator_velocity_discontinuity'),
        (Interface.EFFORT, np.full(7, 1.1), 'controller_torque_discontinuity'),
        (Interface.EFFORT, np.r_[np.zeros(6), 12.1], 'tau_j_range_violation'),
    ],
)
def test_a_first_command_that_is_refused(interface, command, error):
    arm = run(arm_in(interface), [command])
    assert arm.errors == (error,) and arm.mode is RobotMode.REFLEX


@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=10, deadline=None)
def test_a_torque_through_libfrankas_limiter_is_never_a_discontinuity(seed):
    arm, random, last = arm_in(Interface.EFFORT), np.random.default_rng(seed), np.zeros(7)
    for _ in range(20):
        raw = random.uniform(-11.0, 11.0, 7)
        last = np.array([limit_torque(1000.0, r, o) for r, o in zip(raw, last, strict=True)])
        arm.step(last)
        assert arm.errors == ()
    arm.step(last + np.array([0, 0, 1.01, 0, 0, 0, 0]))
    assert arm.errors == ('controller_torque_discontinuity',)


@pytest.mark.parametrize(
    ('robot', 'room', 'error'),
    [
        ('panda', 3.0, 'joint_velocity_violation'),
        ('panda', 0.01, 'joint_position_limits_violation'),
        ('fr3', 0.05, 'joint_velocity_violation'),  # falls to zero before the end
    ],
)
def test_a_torque_that_does_not_end_breaks_the_measured_limits(robot, room, error):
    model = load_robot(robot)
    arm = FciArm(model, AIR)
    position = model.home.copy()
    position[6] = model.upper[6] - room
    arm.reset(position)
    arm.start(Interface.EFFORT)
    for step in range(3000):
        arm.step(min(1e-3 * step, 1.0) * np.eye(7)[6])
        if arm.mode is not RobotMode.MOVE:
            break
    assert arm.errors == (error,)


def test_a_torque_controller_starts_at_zero_whatever_held_the_arm_before():
    arm = FciArm(load_robot('fr3'), AIR)
    arm.push(np.r_[0, 15.0, np.zeros(5)])
    run(arm, [None] * 300)
    assert arm.torque[1] < -10.0
    arm.start(Interface.EFFORT)
    assert run(arm, [ZERO]).errors == ()


def test_packets_lost_in_another_motion_do_not_count():
    arm = run(arm_in(Interface.EFFORT), [ZERO] + [None] * 19)
    arm.stop()
    arm.start(Interface.EFFORT)
    assert run(arm, [None] * 19).errors == ()
    assert arm.success_rate == 0.0


def test_the_arm_brakes_within_its_acceleration_limits_and_stays():
    arm = arm_in(Interface.EFFORT, 'fr3')
    run(arm, [0.5 * min(1.0, k / 20) * np.ones(7) for k in range(250)])
    speed = np.abs(arm.joint_velocity).max()
    run(arm, [np.full(7, 20.0)])
    assert arm.mode is RobotMode.REFLEX and speed > 0.2
    velocities = []
    for _ in range(600):
        arm.step(np.full(7, 20.0))
        velocities.append(arm.joint_velocity.copy())
    slowing = np.diff(velocities, axis=0) / DT
    # The spring and damper follow a reference that slows down at the limit, and overshoot a little.
    assert np.abs(slowing).max() < 2.0 * load_robot('fr3').acceleration.max()
    assert np.abs(velocities[-1]).max() < 1e-3
    rest = arm.joint_position.copy()
    run(arm, [np.full(7, 20.0)] * 100)
    assert np.abs(arm.joint_position - rest).max() < 1e-4


def test_after_a_reflex_nothing_is_obeyed_until_the_recovery():
    arm = run(arm_in(Interface.POSITION), [np.full(7, np.nan)])
    home = arm.joint_position.copy()
    with pytest.raises(RefusedError, match='REFLEX'):
        arm.start(Interface.POSITION)
    run(arm, [home + 1.0] * 50)
    assert np.abs(arm.joint_position - home).max() < 1e-6
    assert arm.errors and arm.last_motion_errors == ()
    errors = arm.errors
    arm.recover()
    assert arm.mode is RobotMode.IDLE
    assert (arm.errors, arm.last_motion_errors) == ((), errors)
    arm.start(Interface.POSITION)
    with pytest.raises(RefusedError, match='motion'):
        arm.recover()
    assert run(arm, [arm.joint_position.copy()] * 5).mode is RobotMode.MOVE


@pytest.mark.parametrize('interface', list(Interface))
def test_nineteen_lost_packets_are_forgiven_and_twenty_are_not(interface):
    for lost, errors in ((LOST_PACKETS - 1, ()), (20, ('communication_constraints_violation',))):
        arm = arm_in(interface)
        good = arm.joint_position.copy() if interface is Interface.POSITION else ZERO
        run(arm, [good] * 81 + [None] * lost + ([good] if lost < 20 else []))
        assert arm.errors == errors
        assert arm.success_rate == (0.81 if lost < 20 else 0.0)


def test_a_lost_torque_is_repeated_and_a_lost_position_extrapolated():
    arm = arm_in(Interface.EFFORT)
    run(arm, [0.3 * np.ones(7), None, None])
    assert np.array_equal(arm.torque, 0.3 * np.ones(7))
    arm = arm_in(Interface.POSITION)
    start = arm.joint_position.copy()
    positions = list(smooth_motion(load_robot('fr3'), start, start + 0.3, share=0.3))
    constant = next(k for k in range(20, 200) if np.ptp(np.diff(positions[k : k + 8], 2, 0)) < 1e-9)
    run(arm, [*positions[: constant + 4], None, None, *positions[constant + 6 :]])
    assert arm.errors == () and np.abs(arm.joint_position - start - 0.3).max() < 0.02


def test_the_end_of_a_moving_reference_is_an_error():
    arm = arm_in(Interface.POSITION)
    start = arm.joint_position.copy()
    run(arm, list(smooth_motion(load_robot('fr3'), start, start + 0.3))[:150])
    arm.stop()
    assert arm.errors == ('joint_motion_generator_velocity_discontinuity',)


def test_a_push_on_a_joint_is_a_contact_and_then_a_reflex():
    arm = arm_in(Interface.POSITION)
    home = arm.joint_position.copy()
    arm.push(np.r_[0, 25.0, np.zeros(5)])
    run(arm, [home] * 5)
    assert arm.mode is RobotMode.MOVE
    assert arm.joint_contact.tolist() == [False, True] + [False] * 5
    arm.push(np.r_[0, 41.0, np.zeros(5)])
    run(arm, [home])
    assert arm.errors == ('joint_reflex',)


def test_a_force_at_the_tool_is_a_contact_and_then_a_reflex():
    arm = arm_in(Interface.POSITION)
    home = arm.joint_position.copy()
    arm.push_tool(np.array([0.0, 25.0, 0.0, 0.0, 0.0, 0.0]))
    run(arm, [home] * 5)
    assert arm.mode is RobotMode.MOVE
    assert arm.cartesian_contact.tolist() == [False, True, False, False, False, False]
    arm.push_tool(np.array([0.0, 41.0, 0.0, 0.0, 0.0, 0.0]))
    assert run(arm, [home]).errors == ('cartesian_reflex',)


def test_driving_into_the_table_is_a_cartesian_reflex_that_can_be_recovered_from():
    model = load_robot('fr3')
    height = float(FciArm(model, AIR).tool_position[2])
    arm = arm_in(Interface.POSITION, config=FciConfig(table_height=height - 0.02))
    home = arm.joint_position.copy()
    goal = home + np.r_[0, 0.3, np.zeros(5)]  # forward and down
    for command in smooth_motion(model, home, goal, share=0.2):
        arm.step(command)
        if arm.mode is not RobotMode.MOVE:
            break
    assert arm.errors == ('cartesian_reflex',)
    run(arm, [None] * 500)
    assert arm.external_wrench[2] < 25.0  # it rests, and does not go on to lean on the table
    arm.recover()
    arm.start(Interface.POSITION)
    there = arm.joint_position.copy()
    away = there - np.r_[0, 0.2, np.zeros(5)]
    run(arm, [there, *smooth_motion(model, there, away, share=0.2)])
    assert arm.errors == () and arm.mode is RobotMode.MOVE
    assert arm.tool_position[2] > height


def test_an_idle_arm_ignores_commands_and_holds():
    arm = FciArm(load_robot('panda'), AIR)
    run(arm, [np.full(7, np.nan), np.full(7, 1e6), None] * 30)
    assert (arm.mode, arm.errors, arm.success_rate) == (RobotMode.IDLE, (), 0.0)
    assert np.abs(arm.joint_position - load_robot('panda').home).max() < 1e-9


def test_a_reset_puts_the_arm_anywhere_whatever_it_did():
    arm = run(arm_in(Interface.EFFORT), [np.full(7, 100.0)])
    arm.reset(np.array([0.1, 0.2, 0.3, -1.0, 0.5, 1.6, 0.7]))
    assert (arm.mode, arm.errors) == (RobotMode.IDLE, ())
    assert arm.joint_position.tolist() == [0.1, 0.2, 0.3, -1.0, 0.5, 1.6, 0.7]


def test_the_noise_is_that_of_the_seed_and_of_the_size_asked_for():
    config = FciConfig(position_noise=1e-3, velocity_noise=1e-2)
    arms = [FciArm(load_robot('fr3'), config, seed) for seed in (1, 1, 2)]
    draws = np.array([[arm.measured() for _ in range(500)] for arm in arms])
    assert np.array_equal(draws[0], draws[1]) and not np.array_equal(draws[0], draws[2])
    noise = draws[0] - np.stack([arms[0].joint_position, arms[0].joint_velocity])
    assert noise.std(axis=(0, 2)) == pytest.approx([1e-3, 1e-2], rel=0.1)
