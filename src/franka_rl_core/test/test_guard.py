# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The guard: streams within the limits whatever it is asked for, and holds on doubt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.guard import TETHER_RAD, Guard, GuardState
from franka_rl_core.robot_model import load_robot
from franka_rl_core.safety.base import Reason, Verdict
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.state import RobotState
from franka_rl_core.tasks.reach import START

PERIOD, TICK = 0.04, 0.01


class Bench:
    """A guard, an arm that follows its commands exactly, and a clock."""

    def __init__(self, robot='panda'):
        self.model = load_robot(robot)
        self.guard = Guard(self.model, SafetyChain(self.model, PERIOD), PERIOD)
        self.position = START.copy()
        self.now = 100.0
        self.commands = [self.position]
        self.sequence = 0

    @property
    def state(self):
        return RobotState(self.position[None], np.zeros((1, 7)), np.zeros(1, np.int64))

    def arm(self):
        self.guard.arm(self.state, 0.0, self.now)
        return self

    def propose(self, target):
        self.sequence += 1
        self.guard.propose(np.asarray(target, float), self.sequence, self.now)

    def tick(self, count=1, state_age=0.0):
        for _ in range(count):
            command = self.guard.command(self.state, state_age, self.now, TICK)
            self.now += TICK
            if command is not None:
                self.position = command
                self.commands.append(command)
        return command


def test_disarmed_it_commands_nothing():
    bench = Bench()
    bench.propose(START + 0.01)
    assert bench.tick(5) is None


def test_armed_it_streams_the_measured_posture():
    bench = Bench().arm()
    assert np.array_equal(bench.tick(20), START)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, Reason.NO_TARGET)
    assert sum(bench.guard.counts.values()) == 0


@pytest.mark.parametrize(
    ('position', 'age', 'message'),
    [
        (START, 0.2, 'no fresh joint state'),
        (START, float('nan'), 'no fresh joint state'),
        (np.full(7, np.nan), 0.0, 'outside their limits'),
        (START + np.eye(7)[5] * 3, 0.0, 'outside their limits'),
    ],
)
def test_arming_is_refused_without_a_fresh_legal_state(position, age, message):
    bench = Bench()
    bench.position = position
    with pytest.raises(RefusedError, match=message):
        bench.guard.arm(bench.state, age, bench.now)
    assert bench.guard.state is GuardState.DISARMED
    with pytest.raises(RefusedError, match='no fresh joint state'):
        bench.guard.arm(None, 0.0, bench.now)


def test_a_target_is_approached_at_constant_velocity_for_one_period():
    bench = Bench().arm()
    target = START + 0.004
    bench.propose(target)
    bench.tick(4)
    steps = np.diff(bench.commands, axis=0)
    assert np.allclose(steps, 0.001, atol=1e-12)
    assert np.allclose(bench.position, target, atol=1e-12)
    assert bench.guard.counts[Verdict.PASSED] == 1


def test_a_steady_stream_of_targets_passes_without_a_stop():
    bench = Bench().arm()
    target = START.copy()
    for _ in range(10):
        target = target + 0.004
        bench.propose(target)
        bench.tick(4)
    assert np.allclose(np.diff(bench.commands[1:], axis=0), 0.001, atol=1e-9)
    assert bench.guard.counts == {Verdict.PASSED: 10, Verdict.CLIPPED: 0, Verdict.HELD: 0}


def test_silence_brakes_within_the_acceleration_limit_and_holds():
    bench = Bench().arm()
    target = START.copy()
    for _ in range(5):
        target = target + 0.015
        bench.propose(target)
        bench.tick(4)
    moving = bench.position
    bench.tick(60)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, Reason.STALE_TARGET)
    assert np.array_equal(bench.commands[-1], bench.commands[-20])
    assert np.abs(bench.position - moving).max() < 0.05


@pytest.mark.parametrize(
    ('target', 'reason'),
    [
        (np.full(7, np.nan), Reason.NOT_FINITE),
        (np.r_[START[:6], np.inf], Reason.NOT_FINITE),
        (np.zeros(6), Reason.WRONG_SHAPE),
        (np.zeros((1, 7)), Reason.WRONG_SHAPE),
    ],
)
def test_what_is_no_target_holds(target, reason):
    bench = Bench().arm()
    bench.propose(target)
    bench.tick(1)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, reason)
    bench.tick(10)
    assert np.array_equal(bench.position, START)


def test_a_sequence_that_does_not_grow_holds():
    bench = Bench().arm()
    bench.propose(START + 0.001)
    bench.tick(2)
    bench.guard.propose(START + 0.002, 1, bench.now)
    bench.tick(1)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, Reason.OUT_OF_ORDER)


def test_a_stale_state_holds():
    bench = Bench().arm()
    bench.propose(START + 0.004)
    bench.tick(1, state_age=0.5)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, Reason.STALE_STATE)
    assert np.array_equal(bench.position, START)


@pytest.mark.parametrize('jump', [2 * TETHER_RAD, np.nan])
def test_an_arm_that_is_not_where_it_was_sent_is_a_latched_fault(jump):
    bench = Bench().arm()
    bench.tick(3)
    bench.position = START + jump
    assert bench.tick() is None
    assert (bench.guard.state, bench.guard.reason) == (GuardState.FAULT, Reason.TETHER)
    bench.position = START
    assert bench.tick(5) is None
    bench.arm()
    assert np.array_equal(bench.tick(), START)


def test_arming_forgets_what_came_before():
    bench = Bench().arm()
    bench.propose(START + 0.01)
    bench.tick(1)
    bench.guard.disarm()
    bench.arm()
    here = bench.position
    assert np.array_equal(bench.tick(10), here)


TARGETS = st.one_of(
    st.floats(-0.3, 0.3),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0]),
)


@settings(deadline=None, max_examples=60)
@given(
    robot=st.sampled_from(['panda', 'fr3']),
    events=st.lists(
        st.tuples(st.lists(TARGETS, min_size=7, max_size=7), st.integers(1, 12)),
        min_size=1,
        max_size=25,
    ),
)
def test_no_stream_of_targets_breaks_a_limit(robot, events):
    bench = Bench(robot).arm()
    for offset, ticks in events:
        bench.propose(bench.position + np.array(offset))
        bench.tick(ticks)
    bench.tick(30)
    commands = np.array(bench.commands)
    assert np.isfinite(commands).all()
    assert (commands >= bench.model.lower).all() and (commands <= bench.model.upper).all()
    velocity = np.diff(commands, axis=0) / TICK
    assert (np.abs(velocity) <= 0.5 * bench.model.velocity + 1e-9).all()
    assert np.array_equal(commands[-1], commands[-5])
