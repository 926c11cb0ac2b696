# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The limits of a joint reference, against the limiter that is published with libfranka."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from franka_rl_core.fci.errors import FciError
from franka_rl_core.fci.motion_check import DT, START_TOLERANCE, MotionCheck, VelocityLimit
from franka_rl_core.robot_model import load_robot

ROBOTS = ['panda', 'fr3']
EPS = 1e-3  # kLimitEps


def limit_velocity(high, low, a_max, j_max, command, v_last, a_last):
    """The limitRate() of src/rate_limiting.cpp for one joint's velocity."""
    jerk = ((command - v_last) / DT - a_last) / DT
    a = a_last + max(min(jerk, j_max), -j_max) * DT
    a_high = min(j_max / a_max * (high - v_last), a_max)
    a_low = max(j_max / a_max * (low - v_last), -a_max)
    return v_last + max(min(a, a_high), a_low) * DT


def limit_position(high, low, a_max, j_max, command, q_last, v_last, a_last):
    """The limitRate() of src/rate_limiting.cpp for one joint's position."""
    v = (command - q_last) / DT
    return q_last + limit_velocity(high, low, a_max, j_max, v, v_last, a_last) * DT


class Limited:
    """Seven joints that follow commands as far as libfranka's limiter lets them."""

    def __init__(self, model):
        self.model = model
        self.q = 0.5 * (model.upper + model.lower)  # where no velocity limit falls
        self.v, self.a = np.zeros((2, 7))

    def _limits(self, j):
        low, high = self.model.velocity_bounds(self.q)
        return (
            high[j] - EPS,
            low[j] + EPS,
            self.model.acceleration[j] - EPS,
            self.model.jerk[j] - EPS,
        )

    def _advance(self, v):
        self.a, self.v = (v - self.v) / DT, v

    def position(self, command):
        q = np.array(
            [
                limit_position(*self._limits(j), command[j], self.q[j], self.v[j], self.a[j])
                for j in range(7)
            ]
        )
        self._advance((q - self.q) / DT)
        self.q = q
        return q

    def velocity(self, command):
        v = np.array(
            [limit_velocity(*self._limits(j), command[j], self.v[j], self.a[j]) for j in range(7)]
        )
        self._advance(v)
        self.q = self.q + v * DT
        return v


@pytest.mark.parametrize('robot', ROBOTS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None)
def test_what_libfrankas_position_limiter_lets_through_passes(robot, seed):
    limited, random = Limited(load_robot(robot)), np.random.default_rng(seed)
    middle = limited.q
    check = MotionCheck(limited.model)
    check.start(limited.q)
    for step in range(200):
        if step % 40 == 0:
            command = middle + random.uniform(-0.1, 0.1, 7)
        assert check.next(limited.position(command)) is None
    assert np.abs(check.acceleration).max() > 0.9 * limited.model.acceleration.min()


@pytest.mark.parametrize('robot', ROBOTS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None)
def test_what_libfrankas_velocity_limiter_lets_through_passes(robot, seed):
    limited, random = Limited(load_robot(robot)), np.random.default_rng(seed)
    check = MotionCheck(limited.model)
    check.start(limited.q)
    for step in range(200):
        if step % 40 == 0:
            command = random.uniform(-0.5, 0.5, 7)
        assert check.next_velocity(limited.velocity(command)) is None
    assert np.allclose(check.position, limited.q, atol=1e-12)


@pytest.mark.parametrize('robot', ROBOTS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_a_raw_stream_is_a_velocity_discontinuity(robot, seed):
    model, random = load_robot(robot), np.random.default_rng(seed)
    check = MotionCheck(model)
    check.start(model.home)
    step = np.copysign(random.uniform(1e-4, START_TOLERANCE, 7), random.uniform(-1, 1, 7))
    assert check.next(model.home + step) is FciError.VELOCITY_DISCONTINUITY


@pytest.mark.parametrize('joint', range(7))
@pytest.mark.parametrize('robot', ROBOTS)
def test_a_step_from_rest_may_be_as_large_as_the_jerk_limit_allows(robot, joint):
    model = load_robot(robot)
    largest = {'fr3': [5e-6] * 7, 'panda': [7.5e-6, 3.75e-6, 5e-6, 6.25e-6, 7.5e-6, 1e-5, 1e-5]}
    for share, error in ((0.9, None), (1.1, FciError.ACCELERATION_DISCONTINUITY)):
        check = MotionCheck(model)
        check.start(model.home)
        assert check.next(model.home + share * largest[robot][joint] * np.eye(7)[joint]) is error


def rising(acceleration, joint=0):
    """Give the steps of a reference [rad] that reaches an acceleration at 1000 rad/s3."""
    v, a = 0.0, 0.0
    while True:
        a = min(a + 1000.0 * DT, acceleration)
        v += a * DT
        yield v * DT * np.eye(7)[joint]


@pytest.mark.parametrize(
    ('acceleration', 'milliseconds', 'error'),
    [
        (9.9, 200, None),
        (10.5, 12, FciError.VELOCITY_DISCONTINUITY),
        (9.9, 300, FciError.REFERENCE_VELOCITY),  # 2.62 rad/s
    ],
)
def test_acceleration_and_velocity_of_a_smooth_reference(acceleration, milliseconds, error):
    model = load_robot('fr3')
    check = MotionCheck(model)
    position = np.array([-1.0, *model.home[1:]])
    check.start(position)
    errors = []
    for _, step in zip(range(milliseconds), rising(acceleration), strict=False):
        position = position + step
        errors.append(check.next(position))
        if errors[-1] is not None:
            break
    assert errors[-1] is error and set(errors[:-1]) <= {None}


def test_the_fr3_has_to_slow_down_towards_its_position_limits():
    """4 rad/s2 up to 1.2 rad/s is below every constant limit, yet not allowed near the end."""
    for robot, error in (('fr3', FciError.REFERENCE_VELOCITY), ('panda', None)):
        model = load_robot(robot)
        check = MotionCheck(model)
        position = model.home.copy()
        position[0] = 2.6
        check.start(position)
        errors = []
        for _, step in zip(range(300), rising(4.0), strict=False):
            position = position + step
            errors.append(check.next(position))
        assert next((e for e in errors if e is not None), None) is error


@pytest.mark.parametrize('robot', ROBOTS)
@given(share=st.floats(0.001, 0.999), joint=st.integers(0, 6))
def test_the_velocity_limit_is_that_of_the_robot_model(robot, share, joint):
    model, unit = load_robot(robot), np.eye(7)[joint]
    position = model.lower + share * (model.upper - model.lower)
    limit, (low, high) = VelocityLimit(model), model.velocity_bounds(position)
    for bound, outwards in ((low[joint], -1e-3), (high[joint], 1e-3)):
        assert not limit.allows(position, (bound + outwards) * unit)
        assert bound == 0.0 or limit.allows(position, (bound - outwards) * unit)


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_has_libfrankas_words(bad):
    model = load_robot('fr3')
    for begun in (False, True):
        check = MotionCheck(model)
        check.start(model.home)
        if begun:
            check.next(model.home)
        assert check.next(np.r_[model.home[:6], bad]) is FciError.NOT_FINITE
    assert check.next_velocity(np.r_[np.zeros(6), bad]) is FciError.NOT_FINITE
    assert FciError.NOT_FINITE.value == 'Commanding value is infinite or NaN.'


def test_a_motion_starts_at_the_arm_and_stays_in_range():
    model = load_robot('fr3')
    check = MotionCheck(model)
    check.start(model.home)
    assert check.next(model.home + 2 * START_TOLERANCE) is FciError.START_POSE
    check.start(model.upper)
    assert check.next(model.upper) is None
    assert check.next(model.upper + 1e-6) is FciError.REFERENCE_POSITION


def test_a_lost_command_goes_on_at_constant_acceleration():
    model = load_robot('panda')
    check = MotionCheck(model)
    check.start(model.home)
    position = model.home.copy()
    for _, step in zip(range(5), rising(5.0), strict=False):
        position = position + step
        assert check.next(position) is None
    v, a = check.velocity.copy(), check.acceleration.copy()
    expected = check.position + (v + a * DT) * DT
    assert np.array_equal(check.extrapolate(), expected)
    assert check.next(check.extrapolate()) is None
    assert np.allclose(check.acceleration, a, atol=1e-8)
