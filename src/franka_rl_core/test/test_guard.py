# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The guard: streams within the limits whatever it is asked for, and holds on doubt."""

import numpy as np
import pytest
from hypothesis import given
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
        self.guard.propose(np.asarray(target, float), self.sequence, self.now, self.now)

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


def test_a_single_target_is_reached_and_kept():
    bench = Bench().arm()
    target = START + 0.004
    bench.propose(target)
    bench.tick(30)
    assert np.allclose(bench.position, target, atol=1e-12)
    assert np.abs(np.array(bench.commands) - target).max() < 0.005


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
    bench.guard.propose(START + 0.002, 1, bench.now, bench.now)
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


def test_a_target_from_the_future_grows_old_all_the_same():
    bench = Bench().arm()
    bench.guard.propose(START + 0.5, 1, bench.now + 1e6, bench.now)
    bench.tick(40)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, Reason.STALE_TARGET)
    assert np.array_equal(bench.commands[-1], bench.commands[-5])
    assert np.abs(bench.position - START).max() < 0.2


def test_arming_forgets_what_came_before():
    bench = Bench().arm()
    bench.propose(START + 0.01)
    bench.tick(1)
    bench.guard.disarm()
    bench.arm()
    here = bench.position
    assert np.array_equal(bench.tick(10), here)


TURN = np.array([0.03, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # of the base, 0.75 rad/s


@pytest.mark.parametrize('every', [1, 2, 3, 4, 5])
def test_targets_that_come_early_or_late_do_not_shake_the_arm(every):
    """The policy's period is four ticks; targets at another pace change the velocity as slowly."""
    bench = Bench().arm()
    while len(bench.commands) < 60:
        bench.propose(bench.position + TURN)
        bench.tick(every)
    velocity = np.append(0.0, np.diff(bench.commands, axis=0)[:, 0] / TICK)
    change = 0.5 * bench.model.acceleration[0] * PERIOD
    assert (np.abs(velocity[4:] - velocity[:-4]) <= 2.0 * change + 1e-9).all()
    assert (np.abs(np.diff(velocity)) <= change + 1e-9).all()
    assert (velocity[24:] > 0.7).all()  # up to speed, and no stop between targets


def test_a_target_that_is_late_beyond_the_grace_finds_the_arm_braking():
    bench = Bench().arm()
    target = START.copy()
    for _ in range(8):
        target = target + TURN
        bench.propose(target)
        bench.tick(4)
    bench.tick(12)
    velocity = np.diff(bench.commands, axis=0)[-16:, 0] / TICK
    change = 0.5 * bench.model.acceleration[0] * PERIOD
    assert velocity[0] == pytest.approx(0.75)
    assert (np.abs(np.diff(velocity)) <= change + 1e-9).all() and velocity[-1] < 0.5


def test_a_tick_that_comes_late_does_not_stop_the_arm():
    bench = Bench().arm()
    for _ in range(10):
        bench.propose(bench.position + TURN)
        bench.tick(1)
        bench.now += 0.7 * TICK  # the timer of the stream is late, once per period
        bench.tick(3)
    assert bench.guard._segment.velocity[0] > 0.7


def test_a_stream_that_paused_starts_from_rest():
    """Whoever stops calling has stopped the arm: it must not be thrown forward afterwards."""
    bench = Bench().arm()
    for _ in range(10):
        bench.propose(bench.position + TURN)
        bench.tick(4)
    last = bench.position
    bench.now += 5.0
    bench.tick(1)
    resumed = bench.position
    assert np.abs(resumed - last).max() < 0.75 * 2.0 * PERIOD
    bench.tick(60)
    assert np.array_equal(bench.position, resumed)


def test_the_verdicts_are_counted_per_target():
    bench = Bench().arm()
    for target in (START + 0.001, START + 5.0, np.full(7, np.nan)):
        bench.propose(target)
        bench.tick(1)
    counts = bench.guard.counts
    assert counts == {Verdict.PASSED: 1, Verdict.CLIPPED: 1, Verdict.HELD: 1}
    bench.guard.disarm()
    bench.arm()
    assert sum(bench.guard.counts.values()) == 0


def test_a_fault_stays_until_it_is_cleared():
    bench = Bench().arm()
    bench.tick(2)
    bench.position = START + 1.0
    bench.tick(1)
    bench.position = START
    bench.propose(START + 0.001)
    assert bench.tick(10) is None and bench.guard.state is GuardState.FAULT
    bench.guard.disarm()
    assert bench.guard.state is GuardState.DISARMED and bench.tick(3) is None


def test_a_refused_arming_leaves_it_as_it_was():
    bench = Bench().arm()
    bench.propose(START + 0.004)
    bench.tick(2)
    with pytest.raises(RefusedError, match='no fresh joint state'):
        bench.guard.arm(None, 0.0, bench.now)
    assert bench.guard.state is GuardState.ARMED and bench.tick(1) is not None


@pytest.mark.parametrize('age', [0.2, np.nan, np.inf])
def test_a_target_from_an_old_observation_holds(age):
    bench = Bench().arm()
    bench.guard.propose(START + 0.004, 1, bench.now - age, bench.now)
    bench.tick(3)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, Reason.STALE_TARGET)
    assert np.array_equal(bench.position, START)


@pytest.mark.parametrize('reason', [Reason.WRONG_JOINTS, Reason.WRONG_SHAPE])
def test_what_a_node_refuses_brakes_and_holds(reason):
    bench = Bench().arm()
    for _ in range(10):
        bench.propose(bench.position + TURN)
        bench.tick(4)
    bench.guard.refuse(reason)
    bench.tick(40)
    assert (bench.guard.verdict, bench.guard.reason) == (Verdict.HELD, reason)
    assert np.array_equal(bench.commands[-1], bench.commands[-5])


TARGETS = st.one_of(
    st.floats(-0.3, 0.3),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0]),
)


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
    model = bench.model
    for offset, ticks in events:
        bench.propose(bench.position + np.array(offset))
        bench.tick(ticks)
    bench.tick(60)
    commands = np.array(bench.commands)
    assert np.isfinite(commands).all()
    assert (commands >= model.lower).all() and (commands <= model.upper).all()
    velocity = np.diff(commands, axis=0) / TICK
    low, high = model.velocity_bounds(commands[1:])
    assert (velocity <= 0.5 * model.velocity + 1e-9).all() and (velocity <= high + 1e-9).all()
    assert (velocity >= -0.5 * model.velocity - 1e-9).all() and (velocity >= low - 1e-9).all()
    for ticks in (1, 4, 12):
        change = np.abs(velocity[ticks:] - velocity[:-ticks])
        limit = 0.5 * model.acceleration * (ticks * TICK + PERIOD)
        assert (change <= limit + 1e-9).all()
    assert np.array_equal(commands[-1], commands[-5])
