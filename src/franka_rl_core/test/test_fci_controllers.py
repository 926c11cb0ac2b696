# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The torque controllers, against the rules of the ones they stand for."""

import numpy as np
import pytest

from franka_rl_core.fci.config import FciConfig
from franka_rl_core.fci.controllers import (
    DAMPING,
    STIFFNESS,
    ControllerShutdownError,
    JointFollower,
    JointTrajectory,
)
from franka_rl_core.fci.sync_motion import SyncMotion
from franka_rl_core.fci.trajectory import TrajectoryPoint
from franka_rl_core.robot_model import load_robot

MODEL = load_robot('fr3')
HOME, ZERO = MODEL.home, np.zeros(7)
MS, S = 10**6, 10**9


def follower(sync=False, lag=0.0):
    """Give a follower that was activated at 1 s."""
    it = JointFollower(MODEL, FciConfig(sync_after_activation=sync, tracking_lag=lag))
    it.activate(S)
    return it


def test_before_its_first_activation_the_follower_hears_nothing():
    it = JointFollower(MODEL)
    assert it.receive(S, HOME, S) == '' and it.take_received() == []
    it.activate(S)
    assert it.state == 'SYNCING'
    assert not it.update(HOME, ZERO, S).any() and it.reference is None


def test_the_law_of_the_follower():
    it = follower()
    it.receive(S, HOME + 0.01, S)
    velocity = np.full(7, 0.1)
    torque = it.update(HOME, velocity, S)
    assert torque == pytest.approx(STIFFNESS * 0.01 - DAMPING * 0.99 * 0.1)
    torque = it.update(HOME, velocity, S)
    assert torque == pytest.approx(STIFFNESS * 0.01 - DAMPING * (0.01 * 0.099 + 0.099))
    assert np.array_equal(it.reference, HOME + 0.01)


def test_without_sync_and_without_a_target_the_follower_shuts_down():
    with pytest.raises(ControllerShutdownError, match='No valid target'):
        follower().update(HOME, ZERO, S)


@pytest.mark.parametrize(
    ('stamp', 'arrival', 'valid'),
    [
        (1.40, 1.40, True),
        (1.40, 1.4999, True),  # under half a second after the last stamp
        (1.40, 1.5001, False),
        (0.95, 1.44, True),  # under half a second old
        (0.95, 1.46, False),
        (9.00, 1.10, True),  # a stamp in the future
    ],
)
def test_the_watchdog_of_the_follower(stamp, arrival, valid):
    it = follower()
    it.receive(S, HOME, S)
    it.update(HOME, ZERO, S)
    warning = it.receive(round(stamp * S), HOME, round(arrival * S))
    assert (warning == '') is valid
    if valid:
        it.update(HOME, ZERO, round(arrival * S))
    else:
        with pytest.raises(ControllerShutdownError):
            it.update(HOME, ZERO, round(arrival * S))


def test_a_stream_that_stops_is_not_noticed_but_its_next_message_is():
    it = follower()
    it.receive(S, HOME, S)
    for now in (S, 5 * S, 60 * S):
        assert not it.update(HOME, ZERO, now).any()
    assert 'invalid' in it.receive(61 * S, HOME, 61 * S)
    with pytest.raises(ControllerShutdownError):
        it.update(HOME, ZERO, 61 * S)


def test_the_gap_of_the_watchdog_is_to_the_stamp_of_the_last_message():
    it = follower()
    it.receive(S, HOME, S + 300 * MS)
    assert '0.550 s after' in it.receive(S + 450 * MS, HOME, S + 550 * MS)


def test_activating_forgets_the_filtered_velocity():
    it = follower()
    it.receive(S, HOME, S)
    it.update(HOME, np.ones(7), S)
    it.deactivate()
    it.activate(S)
    assert not it.update(HOME, ZERO, S).any()


def test_a_message_after_an_invalid_one_saves_the_follower_if_it_comes_in_time():
    it = follower()
    it.receive(3 * S, HOME, 3 * S)  # two seconds after the activation
    it.receive(3 * S + MS, HOME, 3 * S + MS)
    it.update(HOME, ZERO, 3 * S + MS)


def test_too_few_positions_are_ignored_and_more_are_cut():
    it = follower()
    assert '6 positions' in it.receive(S, HOME[:6], S)
    with pytest.raises(ControllerShutdownError):
        it.update(HOME, ZERO, S)
    assert it.receive(S, [*HOME, 0.02, 0.02], S) == ''
    assert not it.update(HOME, ZERO, S).any()
    assert [stamp for stamp, _ in it.take_received()] == [S]


def test_activating_again_does_not_forget_the_old_target():
    it = follower()
    it.receive(S, HOME + 0.1, S)
    it.deactivate()
    assert it.state == 'INACTIVE'
    it.activate(100 * S)
    assert it.update(HOME, ZERO, 100 * S) == pytest.approx(STIFFNESS * 0.1)


def test_with_sync_the_first_target_is_approached_slowly():
    it = follower(sync=True)
    goal = HOME + [0.2, -0.1, 0.0, 0.1, 0.0, 0.0, 0.3]
    it.receive(S, goal, S)
    references, now = [HOME], S
    while it.state == 'SYNCING':
        it.update(HOME, ZERO, now)
        references.append(it.reference)
        now += MS
        assert now < 10 * S
    assert it.state == 'FOLLOWING' and np.allclose(references[-1], goal, atol=1e-9)
    velocity = np.diff(references[:-1], axis=0) / 1e-3
    assert np.abs(velocity).max() < 0.2 * 2.5 and np.abs(velocity).max() > 0.2
    assert np.abs(np.diff(velocity, axis=0) / 1e-3).max() < 0.2 * 5.0 + 1e-6
    # 1.5 v/a + d/v of the last joint, with v = sqrt(4/3 d a/2) = 0.447 rad/s and a = 1 rad/s2
    assert (now - S) * 1e-9 == pytest.approx(1.5 * 0.4472 + 0.3 / 0.4472, abs=3e-3)


def test_the_sync_motion_takes_the_time_of_the_published_generator():
    """Its slowest joint: 1.5 v/a + d/v with v = sqrt(4/3 d a/2) or the largest velocity."""
    for way in (0.05, 0.5):
        motion = SyncMotion(ZERO, np.r_[way, 0.3 * way, np.zeros(5)], 0.2)
        speed = min(0.4, np.sqrt(4.0 / 3.0 * way * 0.5))
        duration = 1.5 * speed / 1.0 + way / speed
        assert not motion.at(duration - 1e-6)[1] and motion.at(duration + 1e-6)[1]
        early = 0.3 * 1.5 * speed
        rise = 1.5 * speed
        expected = -1.0 / rise**3 * speed * (0.5 * early - rise) * early**3
        assert motion.at(early)[0][0] == pytest.approx(expected)
        assert motion.at(0.5 * duration)[0][:2] == pytest.approx([0.5 * way, 0.15 * way])


def test_the_tracking_lag_delays_what_the_law_sees():
    it = follower(lag=0.02)
    it.receive(S, HOME + 0.01, S)
    pulls = [it.update(HOME, ZERO, S)[0] / 600.0 for _ in range(60)]
    assert pulls[20] == pytest.approx(0.01 * (1.0 - (20 / 21) ** 21), rel=1e-6)
    assert np.array_equal(it.reference, HOME + 0.01)


def trajectory_controller(**config):
    it = JointTrajectory(MODEL, FciConfig(**config))
    it.activate(S)
    it.update(HOME, ZERO, S)
    return it


def point(seconds, offset, velocity=None, acceleration=None):
    size = [() if what is None else np.full(7, what) for what in (velocity, acceleration)]
    return TrajectoryPoint(round(seconds * S), HOME + offset, *size)


def sampled(it, count, start=S):
    references = []
    for k in range(1, count + 1):
        it.update(HOME, ZERO, start + k * MS)
        references.append(it.reference[0] - HOME[0])
    return np.array(references)


@pytest.mark.parametrize(
    ('names', 'points', 'stamp', 'reason'),
    [
        (MODEL.joint_names[:6], [point(1, 0.1, 0)], 0, '6 joints'),
        ((*MODEL.joint_names[:6], 'elbow'), [point(1, 0.1, 0)], 0, 'elbow'),
        (MODEL.joint_names, [], 0, 'no points'),
        (MODEL.joint_names, [TrajectoryPoint(S, HOME[:6])], 0, '6 positions'),
        (MODEL.joint_names, [TrajectoryPoint(S, HOME, ZERO[:5])], 0, '5 velocities'),
        (MODEL.joint_names, [point(1, 0, 0), point(1, 0.1, 0)], 0, 'strictly increase'),
        (MODEL.joint_names, [point(1, 0.1, 0.01)], 0, 'not zero'),
        (MODEL.joint_names, [point(1, 0.1, 0)], 8 * S, 'in the past'),
    ],
)
def test_a_trajectory_that_is_rejected(names, points, stamp, reason):
    it = trajectory_controller()
    assert reason in it.receive(names, points, stamp, 10 * S)
    it.update(HOME, ZERO, 10 * S)
    assert np.array_equal(it.reference, HOME)


def test_a_trajectory_needs_an_active_controller():
    it = JointTrajectory(MODEL)
    assert 'not active' in it.receive(MODEL.joint_names, [point(1, 0.1, 0)], 0, S)


def test_joints_are_matched_by_name_and_nan_is_not_checked():
    it = trajectory_controller()
    order = [3, 1, 0, 2, 6, 5, 4]
    names = [MODEL.joint_names[k] for k in order]
    goal = HOME + np.arange(7) * 0.01
    message = [TrajectoryPoint(MS, goal[order], ZERO)]
    assert it.receive(names, message, 0, S) == ''
    sampled(it, 5)
    assert np.allclose(it.reference, goal)
    assert it.receive(names, [TrajectoryPoint(MS, np.full(7, np.nan), ZERO)], 0, S) == ''


def test_positions_alone_are_joined_by_lines():
    it = trajectory_controller()
    it.receive(MODEL.joint_names, [point(0.099, 0.1), point(0.199, 0.1)], 0, S)
    references = sampled(it, 150)
    assert np.allclose(np.diff(references[:99]), 0.001) and np.allclose(references[100:], 0.1)


def test_velocities_make_it_cubic_and_accelerations_quintic():
    for acceleration, half in ((None, 0.5), (0, 0.5)):
        it = trajectory_controller()
        it.receive(MODEL.joint_names, [point(0.199, 0.1, 0, acceleration)], 0, S)
        references = sampled(it, 250)
        assert references[99] == pytest.approx(0.1 * half)
        share = 50 / 200
        cubic = 3 * share**2 - 2 * share**3
        quintic = 10 * share**3 - 15 * share**4 + 6 * share**5
        expected = cubic if acceleration is None else quintic
        assert references[49] == pytest.approx(0.1 * expected)
        assert np.allclose(references[200:], 0.1)


def test_quintic_pieces_meet_the_velocities_and_accelerations_of_their_points():
    it = trajectory_controller()
    way = [point(0.1, 0.02, 0.5, 3.0), point(0.2, 0.06, 0.2, -2.0), point(0.3, 0.07, 0.0, 0.0)]
    it.receive(MODEL.joint_names, way, 0, S)
    it.update(HOME, ZERO, S)
    references = sampled(it, 300)
    velocity = (references[101] - references[99]) / 2e-3
    assert references[99] == pytest.approx(0.02) and velocity == pytest.approx(0.5, abs=5e-3)
    before = np.diff(references[96:100], 2)[-1] / 1e-6
    after = np.diff(references[99:103], 2)[0] / 1e-6
    assert before == pytest.approx(3.0, abs=0.4) and after == pytest.approx(3.0, abs=0.4)


def test_a_new_trajectory_goes_on_from_the_state_that_the_old_one_wanted():
    it = trajectory_controller()
    it.receive(MODEL.joint_names, [point(0.2, 0.1, 0)], 0, S)
    first = sampled(it, 100)
    it.receive(MODEL.joint_names, [point(0.2, 0.2, 0)], 0, S + 100 * MS)
    second = sampled(it, 250, S + 100 * MS)
    steps = np.diff(np.r_[first, second])
    assert np.abs(np.diff(steps)).max() < 2e-5  # no step, and no jump of the velocity
    assert second[-1] == pytest.approx(0.2)
    it = trajectory_controller(interpolate_from_desired_state=False)
    it.receive(MODEL.joint_names, [point(0.2, 0.1, 0)], 0, S)
    first = sampled(it, 100)
    it.receive(MODEL.joint_names, [point(0.2, 0.2, 0)], 0, S + 100 * MS)
    assert sampled(it, 1, S + 100 * MS)[0] == pytest.approx(0.0)  # where the arm stood all along


def test_a_stamp_in_the_past_skips_points_and_one_in_the_future_waits():
    it = trajectory_controller()
    it.receive(MODEL.joint_names, [point(0.1, 0.1), point(0.3, 0.1)], S - 150 * MS, S)
    assert sampled(it, 1)[0] == pytest.approx(0.1)
    it = trajectory_controller()
    it.receive(MODEL.joint_names, [point(0.1, 0.1)], S + 100 * MS, S)
    references = sampled(it, 250)
    assert references[199] == pytest.approx(0.1) and references[99] == pytest.approx(0.05)


def test_the_law_of_the_trajectory_controller():
    it = trajectory_controller()
    it.receive(MODEL.joint_names, [point(0.1, 0.1)], 0, S)
    it.update(HOME, ZERO, S)
    torque = it.update(HOME, np.full(7, 0.2), S + 50 * MS)
    assert torque == pytest.approx(STIFFNESS * 0.05 + DAMPING * (1.0 - 0.2))


def test_activating_again_forgets_the_trajectory():
    it = trajectory_controller()
    it.receive(MODEL.joint_names, [point(0.2, 0.1, 0)], 0, S)
    sampled(it, 100)
    it.deactivate()
    assert it.reference is None
    it.activate(2 * S)
    assert not it.update(HOME, ZERO, 2 * S).any()
