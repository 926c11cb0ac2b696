# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The guard: streams within the limits whatever it is asked for, and holds on doubt."""

import os

import numpy as np
import pinocchio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.fci.driver import FrankaDriver
from franka_rl_core.guard.collision import CollisionCheck
from franka_rl_core.guard.guard import STALL_S, Guard, GuardLimits, GuardState
from franka_rl_core.robot_model import load_robot
from franka_rl_core.safety.base import Reason, Verdict
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.state import RobotState
from franka_rl_core.tasks.reach import START

PERIOD, TICK = 0.04, 0.001
STEPS = round(PERIOD / TICK)  # ticks of a control period
LIMITS = GuardLimits()
ROBOTS = ['panda', 'fr3']
# What the adversary does in the tests of every day.
ACTIONS = int(os.environ.get('FRANKA_RL_ACTIONS', '6000'))


class Bench:
    """A guard, an arm that follows its commands exactly, and a clock."""

    def __init__(self, robot='panda', period=PERIOD, **limits):
        self.model = load_robot(robot)
        chain = SafetyChain(self.model, period)
        self.guard = Guard(self.model, chain, period, GuardLimits(**limits))
        self.position = START.copy()
        self.now = 100.0
        self.commands = []
        self.sequence = 0
        self.see()

    def see(self, position=None, age=0.0):
        position = self.position if position is None else position
        stamp = np.array([round(1e9 * (self.now - age))])
        state = RobotState(position[None], np.zeros((1, 7)), stamp)
        self.guard.monitor.observe(state, self.now)

    def arm(self):
        self.guard.arm(self.now)
        return self

    def propose(self, target):
        self.sequence += 1
        self.guard.propose(np.asarray(target, float), self.sequence, self.now, self.now)

    def tick(self, count=1, sees=True):
        for _ in range(count):
            if sees:
                self.see()
            sample = self.guard.command(self.now)
            self.now += TICK
            if sample is not None:
                self.position = sample.position
                self.commands.append(sample.position)
        return None if sample is None else sample.position

    def go_to(self, posture):
        return self.guard.set_out(self.guard.way_to(posture))

    def drive(self, velocity, periods):
        """Ask for a velocity [rad/s] for some control periods."""
        for _ in range(periods):
            self.propose(self.position + velocity * PERIOD)
            self.tick(STEPS)
        return self

    @property
    def held(self):
        return self.guard.reason if self.guard.verdict is Verdict.HELD else None


def derivatives(commands, model):
    """Largest velocity, acceleration and jerk of a 1 kHz stream, as shares of the limits."""
    stream = np.concatenate([np.repeat(commands[:1], 3, axis=0), commands])
    shares = []
    for limit in (model.velocity, model.acceleration, model.jerk):
        stream = np.diff(stream, axis=0) / TICK
        shares.append(float(np.abs(stream / limit).max()))
    return shares


def assert_legal(commands, model):
    commands = np.array(commands)
    assert np.isfinite(commands).all()
    assert (commands >= model.lower).all() and (commands <= model.upper).all()
    velocity = np.diff(commands, axis=0) / TICK
    low, high = model.velocity_bounds(commands[:-1])
    assert (velocity >= low - 1e-9).all() and (velocity <= high + 1e-9).all()
    speed, acceleration, jerk = derivatives(commands, model)
    assert speed <= 0.51  # the chain's share; the last bit of a ramp may exceed it
    assert acceleration <= 0.5 + 1e-6
    assert jerk <= LIMITS.jerk_fraction + 1e-3  # rounded: 1e-16 rad per (1 ms)³


TURN = np.array([0.75, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # of the base [rad/s]
OUT = np.array([0.0, -0.5, 0.0, 0.0, 0.0, 0.0, 0.0])  # leans back [rad/s]


def test_disarmed_it_commands_nothing():
    bench = Bench()
    bench.propose(START + 0.01)
    assert bench.tick(5) is None


def test_armed_it_streams_the_measured_posture():
    bench = Bench().arm()
    assert np.array_equal(bench.tick(20), START)
    assert bench.held is Reason.NO_TARGET
    assert sum(bench.guard.counts.values()) == 0


@pytest.mark.parametrize(
    ('position', 'age', 'message'),
    [
        (START, 0.2, 'no fresh joint state'),
        (np.full(7, np.nan), 0.0, 'state_not_finite'),
        (START + np.eye(7)[5] * 3, 0.0, 'outside their limits'),
    ],
)
def test_arming_is_refused_without_a_fresh_legal_state(position, age, message):
    bench = Bench()
    bench.guard.monitor.reset()
    bench.see(position)
    bench.now += age
    with pytest.raises(RefusedError, match=message):
        bench.arm()
    assert bench.guard.state is GuardState.DISARMED and bench.guard.command(bench.now) is None


def test_arming_is_refused_without_any_state():
    bench = Bench()
    bench.guard.monitor.reset()
    with pytest.raises(RefusedError, match='no fresh joint state'):
        bench.arm()


def test_a_single_target_is_approached_and_the_arm_rests():
    bench = Bench().arm()
    bench.propose(START + 0.004)
    bench.tick(200)
    assert np.array_equal(bench.commands[-1], bench.commands[-50])
    assert (bench.position > START + 0.003).all() and (bench.position < START + 0.008).all()
    assert bench.guard.counts[Verdict.PASSED] == 1


def test_a_steady_stream_of_targets_passes_without_a_stop():
    bench = Bench().arm().drive(TURN / 5, 20)
    velocity = np.diff(bench.commands, axis=0)[400:, 0] / TICK
    assert velocity == pytest.approx(0.15, rel=0.03)  # the bench sees it a tick late
    assert bench.guard.counts == {Verdict.PASSED: 20, Verdict.CLIPPED: 0, Verdict.HELD: 0}


def test_silence_brakes_within_two_periods_and_holds():
    bench = Bench().arm().drive(TURN, 20)
    speed = np.diff(bench.commands[-2:], axis=0)[0, 0] / TICK
    bench.tick(2 * STEPS)
    assert np.diff(bench.commands[-2:], axis=0)[0, 0] / TICK < speed - 0.1  # brakes already
    assert bench.held is Reason.STALE_TARGET
    bench.tick(400)
    assert np.array_equal(bench.commands[-1], bench.commands[-20])
    assert_legal(bench.commands, bench.model)


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
    bench.tick(2)
    assert bench.held is reason
    bench.tick(100)
    assert np.array_equal(bench.position, START)


def test_a_sequence_that_does_not_grow_holds():
    bench = Bench().arm()
    bench.propose(START + 0.001)
    bench.tick(2)
    bench.guard.propose(START + 0.002, 1, bench.now, bench.now)
    bench.tick(1)
    assert bench.held is Reason.OUT_OF_ORDER


def test_a_state_that_stops_brakes_then_is_a_latched_fault():
    bench = Bench().arm().drive(TURN, 20)
    for _ in range(6):
        bench.propose(bench.position + TURN * PERIOD)
        bench.tick(STEPS, sees=False)
    assert bench.held is Reason.STALE_STATE and bench.guard.state is GuardState.ARMED
    bench.tick(400, sees=False)
    assert bench.guard.state is GuardState.FAULT and bench.guard.reason is Reason.STALE_STATE
    assert np.array_equal(bench.commands[-1], bench.commands[-20])
    assert_legal(bench.commands, bench.model)


def test_a_stamp_that_stands_still_is_a_state_that_stops():
    bench = Bench().arm()
    bench.tick(10)
    stamp = int(bench.guard.monitor.state.stamp_ns[0])
    for _ in range(600):
        state = RobotState(bench.position[None], np.zeros((1, 7)), np.array([stamp]))
        bench.guard.monitor.observe(state, bench.now)
        bench.tick(1, sees=False)
    assert bench.guard.state is GuardState.FAULT and bench.guard.reason is Reason.STALE_STATE


def test_states_that_arrive_late_count_as_old_by_what_they_are_late():
    bench = Bench().arm().drive(TURN, 10)
    for tick in range(400):
        if tick >= 300:  # the network gives them again, 300 ms after they were measured
            bench.see(bench.commands[-300], age=0.3)
        if tick % STEPS == 0:
            bench.propose(bench.position + TURN * PERIOD)
        bench.tick(1, sees=False)
    assert bench.guard.monitor.age(bench.now) == pytest.approx(0.3, abs=0.002)
    assert bench.held is Reason.STALE_STATE and bench.guard.state is GuardState.ARMED
    assert np.array_equal(bench.commands[-1], bench.commands[-5])


def test_arming_trusts_the_clocks_anew():
    """A clock that was set must not make all states look old for ever."""
    bench = Bench()
    bench.see(age=-0.3)  # a stamp of a clock that is ahead
    bench.tick(400)
    assert bench.guard.monitor.age(bench.now) == pytest.approx(0.3, abs=0.002)
    bench.arm()
    bench.tick()
    assert bench.guard.monitor.age(bench.now) < 0.01 and bench.guard.state is GuardState.ARMED


@pytest.mark.parametrize(
    ('jump', 'reason'), [(0.4, Reason.STATE_JUMP), (np.nan, Reason.STATE_NOT_FINITE)]
)
def test_a_state_that_cannot_be_is_a_latched_fault(jump, reason):
    bench = Bench().arm()
    bench.tick(3)
    bench.see(START + jump)
    bench.tick(2, sees=False)
    assert (bench.guard.state, bench.guard.reason) == (GuardState.FAULT, reason)
    bench.tick(5)
    assert bench.guard.state is GuardState.FAULT
    bench.arm()
    assert np.array_equal(bench.tick(), START)


def test_an_arm_that_does_not_follow_is_a_latched_fault_and_the_stream_holds():
    bench = Bench().arm()
    for _ in range(40):
        bench.propose(bench.position + TURN * PERIOD)
        for _ in range(STEPS):
            bench.see(START)  # blocked
            bench.tick(1, sees=False)
    assert (bench.guard.state, bench.guard.reason) == (GuardState.FAULT, Reason.TETHER)
    tether = LIMITS.tether * bench.model.velocity[0]
    assert tether < np.abs(bench.position - START).max() < tether + 0.1
    assert np.array_equal(bench.commands[-1], bench.commands[-5])
    assert_legal(bench.commands, bench.model)
    bench.propose(START)
    assert np.array_equal(bench.tick(50), bench.commands[-1])


def test_a_target_from_the_future_grows_old_all_the_same():
    bench = Bench().arm()
    bench.guard.propose(START + 0.5, 1, bench.now + 1e6, bench.now)
    bench.tick(500)
    assert bench.held is Reason.STALE_TARGET
    assert np.array_equal(bench.commands[-1], bench.commands[-5])
    assert np.abs(bench.position - START).max() < 0.2


def test_disarming_brakes_before_it_goes_silent():
    bench = Bench().arm().drive(TURN, 20)
    bench.guard.disarm()
    assert bench.tick(1) is not None
    bench.propose(bench.position + TURN)  # comes too late
    assert bench.tick(500) is None and bench.guard.state is GuardState.DISARMED
    assert_legal(bench.commands, bench.model)
    bench.arm()
    here = bench.position
    assert np.array_equal(bench.tick(10), here)


@pytest.mark.parametrize('every', [10, 20, 30, 40, 50])
def test_targets_that_come_early_or_late_do_not_shake_the_arm(every):
    bench = Bench().arm()
    while len(bench.commands) < 600:
        bench.propose(bench.position + TURN * PERIOD)
        bench.tick(every)
    velocity = np.diff(bench.commands, axis=0)[:, 0] / TICK
    assert (velocity[300:] > 0.7).all()  # up to speed, and no stop between targets
    assert_legal(bench.commands, bench.model)


def test_a_stream_that_paused_starts_from_rest():
    """Whoever stops calling has stopped the arm: it must not be thrown forward afterwards."""
    bench = Bench().arm().drive(TURN, 20)
    last = bench.position
    bench.now += 2 * STALL_S
    bench.tick(1)
    assert np.array_equal(bench.position, last) and bench.held is Reason.STALLED
    bench.tick(60)
    assert np.array_equal(bench.position, last)


def test_a_controller_that_carries_on_is_asked_for_nothing_that_is_past():
    """It went on while the guard was not run, just after the guard had decided."""
    bench = Bench()
    chain = SafetyChain(bench.model, PERIOD)
    bench.guard = Guard(bench.model, chain, PERIOD, lead_s=0.02, carries_on=True)
    bench.see()
    bench.arm().drive(TURN, 5)
    bench.propose(bench.position + TURN * PERIOD)
    bench.tick()
    before, bench.now = bench.guard.motion, bench.now + 5 * STALL_S
    bench.tick()
    after, now = bench.guard.motion, bench.now - TICK
    assert after is not before and after.begin == pytest.approx(now + 0.02)
    assert np.array_equal(after.at(after.begin).position, before.at(after.begin).position)


@pytest.mark.parametrize(('late', 'ticks'), [(1, 2), (10, 3)])
def test_a_punctual_target_is_followed_a_tick_sooner(late, ticks):
    bench = Bench().arm().drive(TURN, 5)
    bench.tick(late)
    bench.propose(bench.position + TURN * PERIOD)
    bench.tick(ticks - 1)
    assert bench.guard.decided == bench.sequence - 1
    bench.tick()
    assert bench.guard.decided == bench.sequence


def test_a_guard_with_longer_ticks_follows_a_punctual_target_as_soon():
    bench, tick = Bench().arm().drive(TURN, 5), 10 * TICK
    for _ in range(8):
        bench.propose(bench.position + TURN * PERIOD)
        for decided in (bench.sequence - 1, *[bench.sequence] * 3):
            bench.tick()
            bench.now += tick - TICK
            assert bench.guard.decided == decided


def drive_out(bench):
    """Ask for a velocity that leads out of the box, until it takes long to decide; gives whence."""
    for _ in range(200):
        bench.propose(bench.position + OUT * PERIOD)
        look = bench.guard._look  # of the tick before, as the target is punctual
        bench.tick(2)
        if bench.guard._decision is not None:
            return look.here
        bench.tick(STEPS - 2)
    pytest.fail('no target led out of the box')


def test_a_decision_that_takes_long_is_made_in_several_ticks_and_is_that_of_the_chain():
    bench = Bench().arm()
    here = drive_out(bench)
    target, decided = bench.guard._target, bench.guard.decided
    bench.tick()  # the answer
    assert bench.guard.decided == decided and bench.guard.reason is Reason.WORKSPACE
    bench.tick()  # what follows from it
    assert bench.guard.decided == bench.sequence == decided + 1
    state = RobotState(here.position[None], here.velocity[None], np.zeros(1, np.int64))
    chain = SafetyChain(bench.model, PERIOD)
    command = chain(target[None], bench.model.arm_state(state), hold=here.position[None])
    velocity = (command.joint_position[0] - here.position) / PERIOD
    reached = bench.guard.motion.at(bench.guard.motion.braking).velocity
    np.testing.assert_allclose(reached, velocity, atol=1e-6)


def test_a_bad_target_ends_a_decision_that_takes_long():
    bench = Bench().arm()
    drive_out(bench)
    bench.guard.refuse(Reason.WRONG_SHAPE)
    bench.tick(3)
    assert bench.held is Reason.WRONG_SHAPE
    bench.tick(500)
    assert bench.guard.rests


def test_a_guard_that_is_disarmed_ends_its_stream_whoever_sends_on():
    bench = Bench().arm().drive(TURN, 20)
    bench.guard.disarm()
    for _ in range(600):
        bench.propose(bench.position + TURN * PERIOD)
        bench.tick()
    assert bench.guard.state is GuardState.DISARMED
    assert_legal(bench.commands, bench.model)


def test_the_verdicts_are_counted_per_target():
    bench = Bench().arm()
    for target in (START + 0.001, START + 5.0, np.full(7, np.nan)):
        bench.propose(target)
        bench.tick(3)
    counts = bench.guard.counts
    assert counts == {Verdict.PASSED: 1, Verdict.CLIPPED: 1, Verdict.HELD: 1}
    bench.arm()
    assert sum(bench.guard.counts.values()) == 0


def test_a_refused_arming_leaves_it_as_it_was():
    bench = Bench().arm()
    bench.tick(2)
    bench.now += 0.3
    with pytest.raises(RefusedError, match='no fresh joint state'):
        bench.guard.arm(bench.now)
    assert bench.guard.state is GuardState.ARMED


@pytest.mark.parametrize('age', [0.2, np.nan, np.inf])
def test_a_target_from_an_old_observation_holds(age):
    bench = Bench().arm()
    bench.guard.propose(START + 0.004, 1, bench.now - age, bench.now)
    bench.tick(3)
    assert bench.held is Reason.STALE_TARGET
    assert np.array_equal(bench.position, START)


@pytest.mark.parametrize('reason', [Reason.WRONG_JOINTS, Reason.WRONG_SHAPE])
def test_what_a_node_refuses_brakes_and_holds(reason):
    bench = Bench().arm().drive(TURN, 10)
    bench.guard.refuse(reason)
    bench.tick(400)
    assert bench.held is reason
    assert np.array_equal(bench.commands[-1], bench.commands[-5])


def test_a_fault_from_outside_is_latched():
    bench = Bench().arm().drive(TURN, 10)
    bench.guard.fault(Reason.ROBOT)
    bench.drive(TURN, 10)
    assert (bench.guard.state, bench.guard.reason) == (GuardState.FAULT, Reason.ROBOT)
    assert np.array_equal(bench.commands[-1], bench.commands[-5])
    bench.guard.disarm()
    assert bench.tick(2) is None and bench.guard.state is GuardState.DISARMED


# --- ways to a posture and collisions ------------------------------------------------------------


@pytest.mark.parametrize('robot', ROBOTS)
def test_a_way_to_a_posture_is_legal_and_arrives(robot):
    bench = Bench(robot).arm()
    posture = START + np.array([0.5, 0.3, -0.4, 0.2, 0.3, 0.4, -0.5])
    seconds = bench.go_to(posture)
    bench.propose(START)  # is refused on the way
    bench.tick(round(seconds / TICK) + 5)
    assert bench.position == pytest.approx(posture, abs=1e-9)
    assert not bench.guard.on_its_way and bench.guard.counts[Verdict.HELD] == 1
    assert_legal(bench.commands, bench.model)


@pytest.mark.parametrize(
    ('posture', 'message'),
    [
        (START + np.array([0, 0, 0, 5.0, 0, 0, 0]), 'range'),
        (np.array([0.0, 1.6, 0.0, -0.4, 0.0, 1.6, 0.8]), 'table'),
        (np.array([0.0, -1.6, 0.0, -3.0, 0.0, 0.6, 0.8]), 'link'),
    ],
)
def test_a_way_that_is_not_free_is_refused_with_its_reason(posture, message):
    bench = Bench('panda').arm()
    with pytest.raises(RefusedError, match=message):
        bench.go_to(posture)
    assert np.array_equal(bench.tick(5), START)


def test_a_way_needs_an_armed_arm_at_rest():
    bench = Bench()
    with pytest.raises(RefusedError, match='not armed'):
        bench.go_to(START)
    bench.arm().drive(TURN, 5)
    with pytest.raises(RefusedError, match='moves'):
        bench.go_to(START)


def test_a_fault_on_the_way_brakes():
    bench = Bench().arm()
    bench.go_to(START + 0.5)
    bench.tick(800)
    bench.guard.fault(Reason.ROBOT)
    bench.tick(600)
    assert np.abs(bench.position - START).max() < 0.4
    assert np.array_equal(bench.commands[-1], bench.commands[-5])
    assert_legal(bench.commands, bench.model)


def test_targets_that_would_hit_the_table_hold():
    bench = Bench(table_height=0.12).arm()
    down = np.array([0.0, 0.4, 0.0, 0.0, 0.0, 0.0, 0.0])  # leans forward [rad/s]
    bench.drive(down, 40)
    assert bench.held is Reason.COLLISION and 'table would touch' in bench.guard.problem
    assert not bench.guard._check._collision.touching(bench.position)
    assert_legal(bench.commands, bench.model)


@pytest.mark.parametrize('robot', ROBOTS)
@pytest.mark.parametrize('margin', [0.01, 0.05])
def test_boxes_around_the_shapes_leave_out_nothing_that_touches(robot, margin):
    model = load_robot(robot)
    check = CollisionCheck(model, margin)
    every = (check._model, check._data, check._shapes, check._with_margin(margin))
    random, touching = np.random.default_rng(0), 0
    for posture in random.uniform(model.range_lower, model.range_upper, (3000, 7)):
        expected = pinocchio.computeCollisions(*every, posture, True)
        assert bool(check.touching(posture)) == expected
        touching += expected
    assert 0 < touching < 3000


# --- whatever comes ------------------------------------------------------------------------------

TARGETS = st.one_of(
    st.floats(-0.3, 0.3),
    st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1e300, 0.0]),
)


@settings(max_examples=40)
@given(
    robot=st.sampled_from(ROBOTS),
    events=st.lists(
        st.tuples(st.lists(TARGETS, min_size=7, max_size=7), st.integers(1, 60)),
        min_size=1,
        max_size=25,
    ),
)
def test_no_stream_of_targets_breaks_a_limit(robot, events):
    bench = Bench(robot).arm()
    for offset, ticks in events:
        bench.propose(bench.position + np.array(offset))
        bench.tick(ticks)
    bench.tick(700)
    assert_legal(bench.commands, bench.model)
    assert np.array_equal(bench.commands[-1], bench.commands[-5])


class Adversary:
    """Proposes everything that a broken policy might, at random."""

    def __init__(self, bench, seed):
        self.bench, self.random = bench, np.random.default_rng(seed)
        self.direction = np.zeros(7)

    def act(self):
        bench, random = self.bench, self.random
        kind = random.integers(12)
        if kind < 6:  # goes somewhere for a while, at any speed
            if random.random() < 0.05:
                self.direction = random.normal(size=7) * random.choice([0.1, 1.0, 3.0])
            bench.propose(bench.position + self.direction * PERIOD)
        elif kind == 6:
            bench.propose(random.uniform(-4.0, 4.0, 7))  # a jump
        elif kind == 7:
            bad = bench.position + random.normal(size=7)
            bad[random.integers(7)] = random.choice([np.nan, np.inf, -np.inf, 1e300])
            bench.propose(bad)
        elif kind == 8:  # stale, or from the future
            bench.sequence += 1
            age = random.choice([0.1, 0.5, 10.0, -5.0, np.nan])
            now = bench.now
            bench.guard.propose(bench.position + 0.02, bench.sequence, now - age, now)
        elif kind == 9:  # reordered or repeated
            sequence = bench.sequence - random.integers(0, 3)
            bench.guard.propose(bench.position - 0.02, sequence, bench.now, bench.now)
        elif kind == 10:
            bench.guard.refuse(random.choice([Reason.WRONG_JOINTS, Reason.WRONG_PERIOD]))
        else:
            bench.propose(np.zeros(random.integers(0, 9)))


class FciBench(Bench):
    """A guard whose stream the joint follower of an arm follows that is as strict as Franka's."""

    def __init__(self, robot):
        super().__init__(robot)
        self.driver = FrankaDriver(self.model)
        self.driver.reset(START)

    def arm(self):
        self.driver.deactivate()
        self.see()
        super().arm()
        self.tick()
        self.driver.activate('joint_follower', self.stamp)
        while self.driver.controller_state != 'FOLLOWING':
            self.tick()
        return self

    @property
    def stamp(self):
        return round(1e9 * self.now)

    def tick(self, count=1):
        for _ in range(count):
            self.see(self.driver.arm.joint_position.copy())
            sample = self.guard.command(self.now)
            self.position = sample.position
            self.commands.append(sample.position)
            self.driver.on_joint_command(self.stamp, None, sample.position, self.stamp)
            self.driver.step(self.stamp)
            self.now += TICK


@pytest.mark.slow
@pytest.mark.parametrize('robot', ROBOTS)
@pytest.mark.timeout(7200)
def test_adversarial_actions_break_no_limit_and_cause_no_reflex(robot):
    """FRANKA_RL_ACTIONS=500000 makes it a million for both robots."""
    bench = FciBench(robot)
    for seed, start in enumerate(range(0, ACTIONS, 2000)):
        bench.commands = []
        bench.arm()
        adversary = Adversary(bench, seed)
        for _ in range(min(2000, ACTIONS - start)):
            adversary.act()
            bench.tick(int(adversary.random.choice([1, 2, 5, 10, 40])))
        assert bench.guard.state is GuardState.ARMED, bench.guard.reason
        assert bench.driver.arm.errors == () and not bench.driver.shutdown_reason
        assert_legal(bench.commands, bench.model)
        assert not bench.guard._check._collision.touching(bench.position)
        bench.tick(1000)  # to rest
