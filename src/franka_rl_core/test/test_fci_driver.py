# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Driver, controller and link together: which streams pass, and how the others end."""

import numpy as np
import pytest
import ruckig

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.fci.driver import FrankaDriver
from franka_rl_core.fci.errors import RobotMode
from franka_rl_core.fci.trajectory import TrajectoryPoint
from franka_rl_core.robot_model import load_robot

MS, S = 10**6, 10**9
FOLLOWER, TRAJECTORY = 'joint_follower', 'joint_trajectory'
ROBOTS = ['panda', 'fr3']
OFFSET = np.array([0.4, -0.2, 0.3, 0.4, -0.3, 0.4, 0.5])


class Bench:
    """A driver and a clock."""

    def __init__(self, robot='fr3', controller=FOLLOWER, seed=0, **config):
        self.model = load_robot(robot)
        self.driver = FrankaDriver(self.model, FciConfig(**config), seed)
        self.now = 10 * S
        self.tick()
        self.driver.activate(controller, self.now)

    @property
    def arm(self):
        return self.driver.arm

    def tick(self, milliseconds=1):
        for _ in range(milliseconds):
            self.now += MS
            self.driver.step(self.now)

    def send(self, position, stamp=None):
        self.driver.on_joint_command(self.now if stamp is None else stamp, None, position, self.now)

    def hold(self, milliseconds=20):
        """Stream where the arm begins."""
        self.stream([self.model.home] * milliseconds)

    def stream(self, positions):
        for position in positions:
            self.send(position)
            self.tick()


def smooth_motion(model, start, goal, share=0.5):
    """Give the states of a jerk-limited motion, one per millisecond, and its duration."""
    otg, motion, path = ruckig.Ruckig(7), ruckig.InputParameter(7), ruckig.Trajectory(7)
    motion.current_position, motion.target_position = list(start), list(goal)
    motion.max_velocity = list(share * model.velocity)
    motion.max_acceleration = list(share * model.acceleration)
    motion.max_jerk = list(share * model.jerk)
    otg.calculate(motion, path)
    times = np.arange(1, int(path.duration * 1e3) + 2) * 1e-3
    return [tuple(map(np.array, path.at_time(time))) for time in times], path.duration


@pytest.mark.parametrize('robot', ROBOTS)
@pytest.mark.parametrize('config', [{}, {'command_delay': 0.02, 'packet_loss': 0.02}])
def test_a_smooth_stream_takes_the_arm_to_its_goal_without_an_error(robot, config):
    bench = Bench(robot, **config)
    goal = bench.model.home + OFFSET
    bench.hold()
    states, _ = smooth_motion(bench.model, bench.model.home, goal)
    bench.stream([position for position, _, _ in states])
    bench.stream([goal] * 500)
    assert bench.arm.mode is RobotMode.MOVE and bench.arm.errors == ()
    assert bench.driver.controller_state == 'FOLLOWING'
    assert np.abs(bench.arm.joint_position - goal).max() < 1e-2
    assert (bench.arm.success_rate == 1.0) is (not config)


@pytest.mark.parametrize('robot', ROBOTS)
def test_a_smooth_trajectory_takes_the_arm_to_its_goal_without_an_error(robot):
    bench = Bench(robot, TRAJECTORY)
    goal = bench.model.home + OFFSET
    states, _ = smooth_motion(bench.model, bench.model.home, goal)
    points = [
        TrajectoryPoint((k + 1) * MS, *state) for k, state in enumerate(states[:-1]) if k % 4 == 3
    ]
    points.append(TrajectoryPoint((len(states) + 10) * MS, goal, np.zeros(7), np.zeros(7)))
    assert bench.driver.on_trajectory(bench.model.joint_names, points, 0, bench.now) == ''
    bench.tick(len(states) + 500)
    assert bench.driver.controller_state == 'ACTIVE' and bench.arm.errors == ()
    assert np.abs(bench.arm.joint_position - goal).max() < 1e-2


def raw_steps(bench):
    for k in range(20):
        bench.stream([bench.model.home + 0.002 * k] * 50)


def not_a_number(bench):
    bench.stream([np.r_[bench.model.home[:6], np.nan]])


def mixed_order(bench):
    bench.stream([bench.model.home[[3, 1, 0, 2, 6, 5, 4]]] * 5)


def far_start(bench):
    bench.stream([bench.model.home + 0.06] * 5)


def far_after_a_rest(bench):
    bench.hold()
    bench.tick(30)
    bench.stream([bench.model.home + 0.002])


def a_missing_message(bench):
    bench.hold()
    states, _ = smooth_motion(bench.model, bench.model.home, bench.model.home + OFFSET)
    bench.stream([position for position, _, _ in states[:100]])
    bench.tick()
    bench.stream([position for position, _, _ in states[101:]])


def two_at_once(bench):
    bench.hold()
    bench.send(bench.model.home, bench.now)
    bench.send(bench.model.home + 1e-6, bench.now)
    bench.tick()


def a_slow_stream_with_a_hole(bench):
    """5e-3 rad/s may begin at once, but not end and begin again."""
    bench.hold()
    bench.stream([bench.model.home + 4e-6])
    bench.tick()
    bench.stream([bench.model.home + 8e-6])


def out_of_range(bench):
    goal = bench.model.home.copy()
    goal[3] = bench.model.upper[3] + 0.3
    bench.hold()
    states, _ = smooth_motion(bench.model, bench.model.home, goal, share=0.2)
    bench.stream([position for position, _, _ in states])


@pytest.mark.parametrize(
    ('robot', 'bad', 'error'),
    [
        ('fr3', raw_steps, 'joint_motion_generator_velocity_discontinuity'),
        ('panda', raw_steps, 'joint_motion_generator_velocity_discontinuity'),
        ('fr3', not_a_number, 'Commanding value is infinite or NaN.'),
        ('fr3', mixed_order, 'joint_position_motion_generator_start_pose_invalid'),
        ('fr3', far_start, 'joint_position_motion_generator_start_pose_invalid'),
        ('fr3', far_after_a_rest, 'joint_position_motion_generator_start_pose_invalid'),
        ('fr3', a_missing_message, 'joint_motion_generator_velocity_discontinuity'),
        ('fr3', a_slow_stream_with_a_hole, 'joint_motion_generator_acceleration_discontinuity'),
        ('fr3', two_at_once, 'joint_motion_generator_velocity_discontinuity'),
        ('fr3', out_of_range, 'joint_motion_generator_velocity_limits_violation'),
        ('panda', out_of_range, 'joint_motion_generator_position_limits_violation'),
    ],
)
def test_a_bad_stream_ends_with_the_error_of_its_kind(robot, bad, error):
    bench = Bench(robot)
    bad(bench)
    assert bench.arm.errors == (error,) and bench.arm.mode is RobotMode.REFLEX
    assert bench.driver.controller == '' and bench.driver.controller_state == 'INACTIVE'
    assert not bench.driver.shutdown_reason


def test_the_same_slow_stream_without_a_hole_passes():
    bench = Bench()
    bench.hold()
    bench.stream([bench.model.home + k * 4e-6 for k in (1, 2, 3, 4)])
    assert bench.arm.errors == ()


def test_without_strict_the_follower_swallows_steps_but_not_nan():
    bench = Bench(strict=False)
    raw_steps(bench)
    assert bench.arm.errors == () and bench.arm.mode is RobotMode.MOVE
    not_a_number(bench)
    assert bench.arm.errors == ('Commanding value is infinite or NaN.',)


def test_a_gap_shuts_the_driver_down_at_the_next_message_and_the_robot_misses_its_packets():
    bench = Bench()
    bench.hold()
    bench.tick(600)
    assert bench.arm.mode is RobotMode.MOVE and not bench.driver.shutdown_reason
    bench.hold(1)
    assert 'No valid target' in bench.driver.shutdown_reason
    bench.tick(25)
    assert bench.arm.errors == ('communication_constraints_violation',)
    bench.driver.recover()
    with pytest.raises(RefusedError, match='shut down'):
        bench.driver.activate(FOLLOWER, bench.now)
    bench.driver.restart()
    bench.driver.activate(FOLLOWER, bench.now)
    bench.hold()
    assert bench.driver.controller_state == 'FOLLOWING'


def test_the_follower_reads_by_index_whatever_the_names():
    bench = Bench()
    names = bench.model.joint_names[::-1]
    for _ in range(20):
        bench.driver.on_joint_command(bench.now, names, bench.model.home, bench.now)
        bench.tick()
    assert bench.arm.errors == ()


@pytest.mark.parametrize('velocity', [None, 0.0])
def test_a_coarse_trajectory_is_refused_in_strict_only(velocity):
    for strict in (True, False):
        bench = Bench(controller=TRAJECTORY, strict=strict)
        size = () if velocity is None else np.zeros(7)
        point = TrajectoryPoint(50 * MS, bench.model.home + 0.02, size)
        assert bench.driver.on_trajectory(bench.model.joint_names, [point], 0, bench.now) == ''
        bench.tick(200)
        broken = ('joint_motion_generator_velocity_discontinuity',)
        assert bench.arm.errors == (broken if strict else ())


def test_a_rejected_trajectory_changes_nothing():
    bench = Bench(controller=TRAJECTORY)
    point = TrajectoryPoint(S, bench.model.home, np.ones(7))
    assert 'not zero' in bench.driver.on_trajectory(bench.model.joint_names, [point], 0, bench.now)
    bench.tick(20)
    assert 'not zero' in bench.driver.warning and bench.arm.errors == ()
    follower = Bench()
    answer = follower.driver.on_trajectory(follower.model.joint_names, [point], 0, follower.now)
    assert 'not active' in answer


def test_the_torque_never_changes_faster_than_the_drivers_limiter_allows():
    bench = Bench(strict=False, sync_after_activation=False)
    bench.send(bench.model.home + 0.05)
    last, steps = np.zeros(7), []
    for _ in range(60):
        bench.tick()
        steps.append(bench.arm.torque - last)
        last = bench.arm.torque.copy()
    assert bench.arm.errors == ()
    assert np.abs(steps).max() == pytest.approx((1000.0 - 1e-3) * 1e-3, rel=1e-9)


def test_commands_wait_for_the_delay_of_the_link():
    bench = Bench(command_delay=0.025)
    bench.send(bench.model.home)
    bench.tick(24)
    assert bench.driver.controller_state == 'SYNCING'
    bench.tick(2)
    assert bench.driver.controller_state == 'FOLLOWING'


def test_a_dead_link_is_a_communication_error():
    bench = Bench(packet_loss=1.0)
    bench.tick(19)
    assert bench.arm.errors == ()
    bench.tick()
    assert bench.arm.errors == ('communication_constraints_violation',)


def test_pushing_a_followed_target_into_the_table_is_a_cartesian_reflex():
    model = load_robot('fr3')
    height = float(FrankaDriver(model).arm.tool_position[2]) - 0.01
    bench = Bench(table_height=height)
    bench.hold()
    goal = model.home + np.r_[0, 0.4, np.zeros(5)]
    bench.stream([p for p, _, _ in smooth_motion(model, model.home, goal, share=0.2)[0]])
    assert bench.arm.errors == ('cartesian_reflex',)


def test_recovery_and_another_motion():
    bench = Bench()
    far_start(bench)
    with pytest.raises(RefusedError, match='REFLEX'):
        bench.driver.activate(FOLLOWER, bench.now)
    bench.driver.recover()
    assert bench.arm.last_motion_errors == ('joint_position_motion_generator_start_pose_invalid',)
    # The follower does not forget: it would sync to the target that was refused.
    bench.send(bench.model.home)
    bench.tick()
    bench.driver.activate(FOLLOWER, bench.now)
    bench.hold(50)
    assert bench.driver.controller_state == 'FOLLOWING' and bench.arm.errors == ()
    bench.driver.deactivate()
    assert bench.arm.mode is RobotMode.IDLE and bench.driver.controller == ''
    with pytest.raises(UnknownNameError, match='joint_follower'):
        bench.driver.activate('joint_folower', bench.now)


def test_a_reset_starts_all_over():
    bench = Bench()
    not_a_number(bench)
    bench.driver.reset(bench.model.home + 0.1)
    assert (bench.arm.mode, bench.arm.errors) == (RobotMode.IDLE, ())
    assert np.array_equal(bench.arm.joint_position, bench.model.home + 0.1)
    bench.driver.activate(TRAJECTORY, bench.now)
    bench.tick(50)
    assert np.abs(bench.arm.joint_position - bench.model.home - 0.1).max() < 1e-9


def test_the_same_seed_gives_the_same_motion():
    def run(seed):
        bench = Bench(seed=seed, packet_loss=0.3)
        bench.hold()
        goal = bench.model.home + 0.05
        bench.stream([p for p, _, _ in smooth_motion(bench.model, bench.model.home, goal)[0]])
        return bench.arm.joint_position.copy()

    assert np.array_equal(run(3), run(3)) and not np.array_equal(run(3), run(4))
