# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The safety chain: the cases in the order of its limits, then anything that can be sent to it."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from franka_rl_core.arrays import NUMPY
from franka_rl_core.backends.mock import MockBackend
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.safety.base import Reason, SafetyConfig, Verdict
from franka_rl_core.safety.chain import ORDER, SafeCommand, SafetyChain
from franka_rl_core.safety.envelope import (
    Envelope,
    approach_velocity,
    braking_velocity,
    stopping_distance,
)
from franka_rl_core.safety.joint_range import allowed_range
from franka_rl_core.safety.workspace import WorkspaceLimit
from franka_rl_core.state import RobotState

PERIOD = 0.04
CONFIG = SafetyConfig()
# Well inside the range and the workspace of both robots
POSTURE = np.array([0.0, 0.2, 0.0, -2.0, 0.0, 2.2, 0.8])
TINY = 1e-9  # of rounding


@pytest.fixture
def check(model, arm_of):
    """Give a function that sends one target through the chain: command, verdict, reason."""
    chain = SafetyChain(model, PERIOD)

    def check(target, position=POSTURE, velocity=None, **more):
        velocity = np.zeros(7) if velocity is None else np.asarray(velocity)
        command = chain(np.asarray(target)[None], arm_of(model, [position], [velocity]), **more)
        return command.joint_position[0], Verdict(command.verdict[0]), Reason(command.reason[0])

    return check


def nudged(joint, value, start=POSTURE):
    result = np.array(start)
    result[joint] = value
    return result


# The cases


def test_inside_passes_with_its_bits(check):
    target = POSTURE + 0.004
    command, verdict, reason = check(target)
    assert command.tobytes() == target.tobytes()
    assert (verdict, reason) == (Verdict.PASSED, Reason.NONE)


def test_every_target_inside_keeps_its_bits(model, arm_of):
    """Whatever rounding does to the velocity that leads there."""
    position = POSTURE + np.random.default_rng(0).uniform(-0.2, 0.2, (300, 7))
    target = position + np.random.default_rng(1).uniform(-0.002, 0.002, (300, 7))
    command = SafetyChain(model, PERIOD)(target, arm_of(model, position))
    assert (command.verdict == Verdict.PASSED).all()
    assert command.joint_position.tobytes() == target.tobytes()


@pytest.mark.parametrize(
    'ages, reason',
    [
        ({'state_age': 0.1, 'target_age': 0.15}, Reason.NONE),
        ({'state_age': 0.1001}, Reason.STALE_STATE),
        ({'state_age': np.nan}, Reason.STALE_STATE),
        ({'state_age': np.inf}, Reason.STALE_STATE),
        ({'target_age': 0.1501}, Reason.STALE_TARGET),
        ({'target_age': np.nan}, Reason.STALE_TARGET),
        ({'target_age': np.inf}, Reason.STALE_TARGET),
        ({'state_age': np.nan, 'target_age': np.nan}, Reason.STALE_STATE),
        ({'state_age': 0.0, 'target_age': np.nan}, Reason.STALE_TARGET),
    ],
)
def test_what_is_stale_is_held(check, ages, reason):
    target = POSTURE + 0.004
    command, verdict, given = check(target, **ages)
    assert given == reason
    if reason == Reason.NONE:
        assert verdict == Verdict.PASSED
    else:
        assert verdict == Verdict.HELD and (command == POSTURE).all()


@pytest.mark.parametrize('bad', [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize('joint', [0, 6, slice(None)])
def test_what_is_not_finite_is_held(check, bad, joint):
    command, verdict, reason = check(nudged(joint, bad))
    assert (command == POSTURE).all()
    assert (verdict, reason) == (Verdict.HELD, Reason.NOT_FINITE)


def test_an_overflow_is_held_or_clipped(check):
    for target in (np.full(7, 1e308), np.full(7, -1.7e308)):
        command, verdict, _ = check(target)
        assert verdict == Verdict.CLIPPED
        assert (np.abs(command - POSTURE) < 0.1).all()


@pytest.mark.parametrize('shape', [(1, 6), (7,), (2, 7), (1, 7, 1)])
def test_wrong_shape_is_an_error(model, arm_of, shape):
    chain = SafetyChain(model, PERIOD)
    with pytest.raises(ValueError, match=r'target must be \(1, 7\), not'):
        chain(np.zeros(shape), arm_of(model, [POSTURE]))


@pytest.mark.parametrize('what', ['position', 'velocity'])
def test_a_state_that_is_not_finite_is_held_where_the_caller_says(check, what):
    broken = {what: nudged(3, np.nan, POSTURE if what == 'position' else np.zeros(7))}
    hold = POSTURE + 0.001
    command, verdict, reason = check(POSTURE, hold=hold[None], **broken)
    assert command == pytest.approx(hold, abs=1e-15)
    assert (verdict, reason) == (Verdict.HELD, Reason.NOT_FINITE)


@pytest.mark.parametrize('side', ['lower', 'upper'])
def test_beyond_the_range_is_clipped(check, model, side):
    """Near the end of its range, the joint goes as far as the margin allows, and stays there."""
    sign = 1 if side == 'upper' else -1
    end = allowed_range(model, CONFIG)[side == 'upper'][6]
    position = nudged(6, end - sign * 0.002)
    command, verdict, reason = check(nudged(6, end + sign * 9.0), position)
    assert command[6] == pytest.approx(end, abs=1e-12)
    assert abs(command[6] - getattr(model, side)[6]) > CONFIG.joint_margin - TINY
    assert (verdict, reason) == (Verdict.CLIPPED, Reason.JOINT_RANGE)


@pytest.mark.parametrize('wall', range(6))
def test_beyond_the_workspace_is_clipped(model, arm_of, wall):
    """Driven against each wall for two seconds, the tool stops before it."""
    axis, upper = wall % 3, wall >= 3
    chain, backend = SafetyChain(model, PERIOD), MockBackend(model, 1, PERIOD)
    state = backend.reset(POSTURE[None])
    reasons = set()
    for _ in range(50):
        arm = model.arm_state(state)
        outward = arm.jacobian[:, axis] * (1.0 if upper else -1.0)
        command = chain(arm.joint_position + 0.3 * outward, arm)
        reasons.add(int(command.reason[0]))
        state = backend.step(command.joint_position)
    tool = model.tool_position(state.joint_position)[0]
    end = (model.workspace_upper if upper else model.workspace_lower)[axis]
    assert Reason.WORKSPACE in reasons
    assert beyond(model, tool[None]) < 1e-3
    assert abs(tool[axis] - end) < 0.02


def test_the_tool_slides_along_a_wall(model):
    """An arm that is sent along the table, and a little into it, must not stick to it."""
    chain, backend = SafetyChain(model, PERIOD), MockBackend(model, 1, PERIOD)
    state, tool = backend.reset(POSTURE[None]), []
    for step in range(100):
        arm = model.arm_state(state)
        ask = [0.0, 0.02 if step >= 60 else 0.0, -0.01, 0.0, 0.0, 0.0]
        tool.append(arm.tool_position[0])
        target = arm.joint_position + ask @ np.linalg.pinv(arm.jacobian[0]).T
        state = backend.step(chain(target, arm).joint_position)
    low = model.workspace_lower[2]
    assert low - 1e-3 < tool[60][2] < low + 0.01  # it has arrived
    assert tool[-1][1] - tool[60][1] > 0.15 and low - 1e-3 < tool[-1][2] < low + 0.03


FAR = np.array([0.5, 0.1, -0.5, -0.1, 0.5, -0.2, 0.5])


def longest(direction, limit):
    """Return the longest vector in this direction of which no element is beyond its limit."""
    return direction / (np.abs(direction) / limit).max()


def test_a_far_target_is_approached_at_the_acceleration_limit_in_a_straight_line(check, model):
    command, verdict, reason = check(POSTURE + FAR)
    step = CONFIG.acceleration_fraction * model.acceleration * PERIOD**2
    assert command - POSTURE == pytest.approx(longest(FAR, step))
    assert (verdict, reason) == (Verdict.CLIPPED, Reason.REACH)


def test_a_far_target_is_approached_at_the_velocity_limit_in_a_straight_line(check, model):
    fastest = longest(FAR, CONFIG.velocity_fraction * model.velocity)
    command, verdict, reason = check(POSTURE + FAR, velocity=fastest)
    assert command - POSTURE == pytest.approx(fastest * PERIOD)
    assert (verdict, reason) == (Verdict.CLIPPED, Reason.REACH)


def test_an_arm_out_of_its_range_comes_back_without_a_jump(check, model):
    """Clipping the far target to the step and then to the range would jump; this order does not."""
    outside = nudged(6, model.upper[6] + 0.1)
    command, verdict, _ = check(nudged(6, 0.0), outside)
    step = CONFIG.acceleration_fraction * model.acceleration * PERIOD**2
    assert command[6] == pytest.approx(outside[6] - step[6])
    assert (command[:6] == POSTURE[:6]).all() and verdict == Verdict.CLIPPED


def test_an_arm_out_of_its_range_comes_back_within_the_velocity_limit(model):
    chain, backend = SafetyChain(model, PERIOD), MockBackend(model, 1, PERIOD)
    state = backend.reset(nudged(6, model.upper[6] + 0.6)[None])
    fastest = CONFIG.velocity_fraction * model.velocity
    for _ in range(60):
        command = chain(np.tile(nudged(6, 9.0), (1, 1)), model.arm_state(state))
        state = backend.step(command.joint_position)
        assert (np.abs(state.joint_velocity) <= fastest + TINY).all()
    assert state.joint_position[0, 6] == pytest.approx(allowed_range(model, CONFIG)[1][6], abs=1e-9)


@pytest.mark.parametrize('side', ['lower', 'upper'])
def test_a_held_arm_stays_out_of_its_range(check, model, side):
    """Only a target moves an arm; being held must not."""
    outside = nudged(6, 0.999 * getattr(model, side)[6])
    command, verdict, _ = check(np.full(7, np.nan), outside)
    assert (command == outside).all() and verdict == Verdict.HELD


def test_a_held_arm_brakes_and_stops(model, arm_of):
    chain, backend = SafetyChain(model, PERIOD), MockBackend(model, 1, PERIOD)
    state = backend.reset(POSTURE[None])
    for _ in range(10):
        state = backend.step(chain(POSTURE[None] + 0.4, model.arm_state(state)).joint_position)
    speeds = [state.joint_velocity[0]]
    assert np.abs(speeds[0]).max() > 0.5
    for _ in range(20):
        command = chain(np.full((1, 7), np.nan), model.arm_state(state))
        assert command.verdict[0] == Verdict.HELD
        state = backend.step(command.joint_position)
        speeds.append(state.joint_velocity[0])
    change = CONFIG.acceleration_fraction * model.acceleration * PERIOD
    drops = np.abs(np.array(speeds[:-1])) - np.abs(np.array(speeds[1:]))
    moving = np.abs(np.array(speeds[:-1])) > change
    assert drops[moving] == pytest.approx(np.broadcast_to(change, drops.shape)[moving])
    assert not state.joint_velocity.any()


def test_verdict_and_reason_are_of_the_first_limit(check, model):
    """Clipped by the range, then by the reach: the reason stays the range."""
    assert check(model.upper + 1.0)[1:] == (Verdict.CLIPPED, Reason.JOINT_RANGE)
    assert check(nudged(0, np.nan), state_age=np.inf)[1:] == (Verdict.HELD, Reason.STALE_STATE)


# The chain itself


@pytest.mark.parametrize('limits', [(), ('finite',), ('reach', 'finite'), ('reach', 'workspace')])
def test_reach_must_be_last(model, limits):
    with pytest.raises(RefusedError, match="the last limit must be 'reach'"):
        SafetyChain(model, PERIOD, limits=limits)


def test_the_order():
    assert ORDER == ('freshness', 'finite', 'joint_range', 'workspace', 'reach')


def test_unknown_limits_list_the_known_ones(model):
    with pytest.raises(UnknownNameError, match="unknown safety 'elbow'; known: finite, freshness"):
        SafetyChain(model, PERIOD, limits=('elbow', 'reach'))


def test_nothing_given_is_changed(model, arm_of):
    chain = SafetyChain(model, PERIOD)
    target = np.array([model.upper + 1.0, POSTURE, np.full(7, np.nan)])
    arm = arm_of(model, [POSTURE] * 3)
    hold = np.array([POSTURE] * 3)
    given = [target, hold, *(getattr(arm, f.name) for f in dataclasses.fields(arm))]
    copies = [array.copy() for array in given]
    chain(target, arm, hold=hold, target_age=1.0)
    chain(target, arm, hold=hold)
    for array, copy in zip(given, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_rows_do_not_depend_on_each_other(model, arm_of):
    rng = np.random.default_rng(0)
    position = POSTURE + rng.uniform(-0.6, 0.6, (64, 7))
    position[:, 1] += 0.4  # towards the table
    velocity = rng.uniform(-0.5, 0.5, (64, 7))
    target = position + rng.uniform(-0.05, 0.05, (64, 7)) * rng.choice([0.1, 1.0, 40.0], (64, 1))
    target[::9, 3] = np.nan
    chain = SafetyChain(model, PERIOD)
    together = chain(target, arm_of(model, position, velocity))
    found = {Reason(reason) for reason in together.reason}
    assert found >= {Reason.NOT_FINITE, Reason.JOINT_RANGE, Reason.WORKSPACE, Reason.REACH}
    for i in range(64):
        row = slice(i, i + 1)
        alone = chain(target[row], arm_of(model, position[row], velocity[row]))
        for field in ('joint_position', 'verdict', 'reason'):
            assert getattr(alone, field).tobytes() == getattr(together, field)[row].tobytes()


# Anything that can be sent

configs = st.builds(
    SafetyConfig,
    velocity_fraction=st.floats(0.01, 1.0),
    acceleration_fraction=st.floats(0.01, 1.0),
    joint_margin=st.floats(0.0, 0.3),
)
robots = st.sampled_from(available_robots()).map(load_robot)
periods = st.sampled_from([0.01, 0.04, 0.1])
ARMS = 6
KINDS = ('near', 'limits', 'far', 'huge', 'nan', 'inf', 'one inf', 'keep', 'stale')


class Stream:
    """Targets of some kinds for arms that execute exactly what they are sent."""

    def __init__(self, model, config, period, seed, start):
        self.model, self.config, self.period = model, config, period
        self.rng = np.random.default_rng(seed)
        self.chain = SafetyChain(model, period, config)
        self.backend = MockBackend(model, ARMS, period)
        self.state = self.backend.reset(start(self.rng))
        self.target = self.state.joint_position.copy()

    def next(self, kind):
        rng, model, position = self.rng, self.model, self.state.joint_position
        ends = np.where(rng.random((ARMS, 7)) < 0.5, model.lower - 0.1, model.upper + 0.1)
        bad = position.copy()
        bad[:, rng.integers(7)] = np.inf
        return {
            'near': position + rng.normal(0.0, 0.02, (ARMS, 7)),
            'limits': ends,
            'far': rng.uniform(model.lower, model.upper, (ARMS, 7)),
            'huge': rng.choice([-1e300, 1e300, 1e9], (ARMS, 7)),
            'nan': np.full((ARMS, 7), np.nan),
            'inf': np.full((ARMS, 7), -np.inf),
            'one inf': bad,
            'keep': self.target,
            'stale': ends,
        }[kind]

    def step(self, kind):
        """Return the states before and after, and the command."""
        self.target = self.next(kind)
        before = self.state
        age = 9.0 if kind == 'stale' else 0.0
        command = self.chain(self.target, self.model.arm_state(before), target_age=age)
        self.state = self.backend.step(command.joint_position)
        return before, self.state, command


def anywhere(model, config):
    low, high = allowed_range(model, config)
    return lambda rng: rng.uniform(low, high, (ARMS, 7))


def kinds(steps):
    """Draw kinds of targets, each for a while, so that the arms get up to speed."""
    whiles = st.tuples(st.sampled_from(KINDS), st.integers(1, 25))
    return st.lists(whiles, min_size=4, max_size=10).map(
        lambda pairs: [kind for kind, count in pairs for _ in range(count)][:steps]
    )


@given(robots, configs, periods, st.integers(0, 2**32), kinds(120))
def test_no_sequence_of_targets_breaks_a_joint_limit(model, config, period, seed, sequence):
    """An arm that executes its commands exactly, from rest anywhere in its range."""
    low, high = allowed_range(model, config)
    change = config.acceleration_fraction * model.acceleration * period
    stream = Stream(model, config, period, seed, anywhere(model, config))
    for kind in sequence:
        before, after, _ = stream.step(kind)
        assert (after.joint_position >= low - TINY).all()
        assert (after.joint_position <= high + TINY).all()
        speed = after.joint_velocity
        # The official limit at both ends of the motion: it may depend on the position.
        for position in (before.joint_position, after.joint_position):
            slowest, fastest = model.velocity_bounds(position)
            assert (speed >= config.velocity_fraction * slowest - TINY).all()
            assert (speed <= config.velocity_fraction * fastest + TINY).all()
        assert (np.abs(speed - before.joint_velocity) <= change + TINY).all()


@given(robots, configs, periods, st.integers(0, 2**32), kinds(60))
def test_every_verdict_says_what_happened(model, config, period, seed, sequence):
    stream = Stream(model, config, period, seed, anywhere(model, config))
    for kind in sequence:
        _, _, command = stream.step(kind)
        sent, target = command.joint_position, stream.target
        assert np.isfinite(sent).all()
        same = (sent == target).all(axis=1)
        held = ~np.isfinite(target).all(axis=1) | (kind == 'stale')
        assert ((command.verdict == Verdict.HELD) == held).all()
        assert ((command.verdict == Verdict.PASSED) == (same & ~held)).all()
        expected = Reason.STALE_TARGET if kind == 'stale' else Reason.NOT_FINITE
        assert (command.reason[held] == expected).all()
        clipped = command.verdict == Verdict.CLIPPED
        reasons = (Reason.JOINT_RANGE, Reason.WORKSPACE, Reason.REACH)
        assert np.isin(command.reason[clipped], reasons).all()
        assert (command.reason[command.verdict == Verdict.PASSED] == Reason.NONE).all()


@pytest.mark.parametrize('side', ['lower', 'upper'])
@pytest.mark.parametrize('velocity_fraction', [0.5, 1.0])
@pytest.mark.parametrize('acceleration_fraction', [0.1, 0.5, 1.0])
def test_each_joint_at_full_speed_into_its_limit(
    model, side, velocity_fraction, acceleration_fraction
):
    """One arm per joint, the other joints at rest: nothing else slows it down."""
    config = SafetyConfig(velocity_fraction, acceleration_fraction, joint_margin=0.0)
    low, high = allowed_range(model, config)
    change = config.acceleration_fraction * model.acceleration * PERIOD
    # The workspace would end the motion.
    chain = SafetyChain(model, PERIOD, config, limits=('joint_range', 'reach'))
    backend = MockBackend(model, 7, PERIOD)
    start = np.where(np.eye(7, dtype=bool), low if side == 'upper' else high, model.home)
    state = backend.reset(start)
    target = start + np.eye(7) * (9.0 if side == 'upper' else -9.0)
    fastest = np.zeros(7)
    for _ in range(400):
        before = state
        state = backend.step(chain(target, model.arm_state(state)).joint_position)
        slowest, quickest = model.velocity_bounds(state.joint_position)
        assert (state.joint_velocity <= velocity_fraction * quickest + TINY).all()
        assert (state.joint_velocity >= velocity_fraction * slowest - TINY).all()
        assert (np.abs(state.joint_velocity - before.joint_velocity) <= change + TINY).all()
        fastest = np.maximum(fastest, np.abs(np.diag(state.joint_velocity)))
    assert np.diag(state.joint_position) == pytest.approx(
        high if side == 'upper' else low, abs=0.05
    )
    if acceleration_fraction == 1.0:
        assert (fastest > 0.8 * velocity_fraction * model.velocity).all()


def test_the_envelope_is_inside_the_velocity_limits(model):
    for fraction in (0.1, 1.0):
        envelope = Envelope(model, SafetyConfig(velocity_fraction=fraction), PERIOD, NUMPY)
        rng = np.random.default_rng(0)
        position = rng.uniform(model.lower - 1.0, model.upper + 1.0, (500, 7))
        for bound in (limits.T for limits in envelope.bounds(position.T)):
            assert (np.abs(bound) <= fraction * model.velocity + TINY).all()


def test_the_shortcut_of_the_workspace_is_on_the_safe_side(model, arm_of):
    """Where the Jacobian says that no tool comes near a wall, the kinematics agree."""
    limit = WorkspaceLimit(model, SafetyConfig(1.0, 0.2), PERIOD, NUMPY)
    envelope = Envelope(model, SafetyConfig(1.0, 0.2), PERIOD, NUMPY)
    rng = np.random.default_rng(0)
    spared = 0
    for scale in (0.05, 0.2, 0.5, 1.0):
        position = POSTURE + rng.uniform(-0.5, 0.5, (400, 7))
        velocity = scale * rng.choice([-1.0, 1.0], (400, 7)) * model.velocity
        for i in range(400):
            row = slice(i, i + 1)
            arm, speed = arm_of(model, position[row]), velocity[row].T
            jacobian = arm.jacobian[:, :3].transpose(1, 2, 0)
            near = limit._may_come_out(speed, arm.joint_position.T, arm.tool_position.T, jacobian)
            if not near.any():
                spared += 1
                # Not only the three places: every place of the way.
                stop = envelope.braking_path(speed, position[row].T)[-1].T
                way = np.linspace(0.0, 1.0, 9)[:, None] * (stop - position[i])
                assert (beyond(model, model.tool_position(position[i] + way)) < 0.0).all()
    assert spared > 200


def beyond(model, tool):
    """Return how far outside the workspace tools are (N,) [m]."""
    return np.maximum(model.workspace_lower - tool, tool - model.workspace_upper).max(axis=1)


def near_the_posture(rng):
    return POSTURE + rng.normal(0.0, 0.1, (ARMS, 7))


def follow(model, config, seed, sequence, bulge):
    """Check that the tool stops inside the workspace, and leaves it by no more than a bulge [m]."""
    stream = Stream(model, config, PERIOD, seed, near_the_posture)
    envelope = Envelope(model, config, PERIOD, NUMPY)
    assert (beyond(model, model.tool_position(stream.state.joint_position)) < 0.0).all()
    for kind in sequence:
        before, after, _ = stream.step(kind)
        stop = envelope.braking_path(after.joint_velocity.T, before.joint_position.T)[-1].T
        assert (beyond(model, model.tool_position(stop)) < 1e-6).all()
        assert (beyond(model, model.tool_position(after.joint_position)) < bulge).all()


@given(robots, st.integers(0, 2**32), kinds(120))
def test_no_sequence_of_targets_leads_out_of_the_workspace(model, seed, sequence):
    follow(model, CONFIG, seed, sequence, 0.01)


@given(robots, configs, st.integers(0, 2**32), kinds(60))
def test_nor_with_other_shares_of_the_limits(model, config, seed, sequence):
    follow(model, config, seed, sequence, 0.03)


def test_an_opponent_does_not_get_the_tool_out_of_the_workspace(model, arm_of):
    """Of 200 targets in every step, take the one that brings the tool furthest out."""
    rng = np.random.default_rng(1)
    chain = SafetyChain(model, PERIOD)
    low, high = allowed_range(model, CONFIG)
    position, velocity = POSTURE[None], np.zeros((1, 7))
    for _ in range(60):
        target = rng.uniform(low, high, (200, 7))
        target[::2] = position + rng.normal(0.0, 0.1, (100, 7))
        arm = arm_of(model, np.repeat(position, 200, 0), np.repeat(velocity, 200, 0))
        reached = chain(target, arm).joint_position
        speed = (reached - position) / PERIOD
        worst = beyond(model, model.tool_position(reached + 0.1 * speed)).argmax()
        position, velocity = reached[[worst]], speed[[worst]]
        assert beyond(model, model.tool_position(position)) < 0.01
    assert beyond(model, model.tool_position(position)) > -0.02  # it tried


# The same with PyTorch

COUNT = 48


def assorted(model, rng):
    """Return positions, velocities and targets: usual ones, far ones, and what is not finite."""
    shape = (COUNT, 7)
    anywhere = rng.uniform(model.lower - 0.3, model.upper + 0.3, shape)
    above_the_table = nudged(1, 0.6) + rng.normal(0.0, 0.3, shape)
    position = np.where(rng.random((COUNT, 1)) < 0.4, anywhere, above_the_table)
    speed = model.velocity * rng.choice([0.0, 0.1, 0.5, 1.2], (COUNT, 1))
    targets = (
        position,
        position + rng.normal(0.0, 0.02, shape),
        rng.uniform(model.lower - 0.1, model.upper + 0.1, shape),
        rng.choice([-1e300, 1e9, 1e300], shape),
        np.where(rng.random(shape) < 0.3, rng.choice([np.nan, np.inf, -np.inf], shape), position),
    )
    target = np.choose(rng.integers(len(targets), size=(COUNT, 1)), targets)
    position[::16, 3] = np.nan
    speed = speed * rng.uniform(-1.0, 1.0, shape)
    speed[1::16, 5] = np.inf
    return position, speed, target


def in_torch(model, config, period, position, velocity, target, hold=None, **more):
    """Send targets through the chain of PyTorch; return what NumPy's would."""
    torch_arrays = pytest.importorskip('franka_rl_core.torch_arrays')
    arrays = torch_arrays.TorchArrays('cpu', 'float64')
    chain = SafetyChain(model, period, config, arrays=arrays)
    stamp = arrays.index([0] * len(position))
    position, velocity, target = map(arrays.constant, (position, velocity, target))
    arm = model.arm_state(RobotState(position, velocity, stamp))
    hold = None if hold is None else arrays.constant(hold)
    command = chain(target, arm, hold=hold, **more)
    return SafeCommand(
        *(arrays.numpy(getattr(command, f.name)) for f in dataclasses.fields(command))
    )


def assert_same(given, expected):
    assert (given.verdict == expected.verdict).all() and (given.reason == expected.reason).all()
    np.testing.assert_allclose(given.joint_position, expected.joint_position, rtol=0, atol=1e-9)


@given(robots, configs, periods, st.integers(0, 2**32), st.booleans(), st.sampled_from([0.0, 9.0]))
def test_torch_decides_as_numpy_does(model, config, period, seed, held_elsewhere, age):
    rng = np.random.default_rng(seed)
    position, velocity, target = assorted(model, rng)
    hold = np.nan_to_num(position) + rng.normal(0.0, 0.01, (COUNT, 7)) if held_elsewhere else None
    ages = {'hold': hold, 'target_age': age}
    arm = model.arm_state(RobotState(position, velocity, np.zeros(COUNT, np.int64)))
    with np.errstate(invalid='ignore'):  # of infinite velocities
        expected = SafetyChain(model, period, config)(target, arm, **ages)
    assert_same(in_torch(model, config, period, position, velocity, target, **ages), expected)


def test_torch_decides_as_numpy_does_at_the_walls(model, arm_of):
    rng = np.random.default_rng(0)
    posture = POSTURE + rng.normal(0.0, 0.5, (20_000, 7))
    position = posture[np.abs(beyond(model, model.tool_position(posture))) < 0.03]
    velocity = rng.normal(0.0, 0.3, position.shape)
    target = position + rng.normal(0.0, 0.1, position.shape)
    expected = SafetyChain(model, PERIOD)(target, arm_of(model, position, velocity))
    assert (expected.reason == Reason.WORKSPACE).sum() > 100
    assert_same(in_torch(model, CONFIG, PERIOD, position, velocity, target), expected)


# The mathematics

distances = st.floats(0.0, 6.0)
decelerations = st.floats(0.05, 20.0)


def brake(velocity, deceleration, period):
    """Drive a period at this velocity, then brake; return the way."""
    way = 0.0
    while velocity > 0.0:
        way += velocity * period
        velocity -= deceleration * period
    return way


@given(distances, decelerations, st.floats(0.002, 0.2))
def test_braking_velocity_is_the_highest_that_stops_in_time(distance, deceleration, period):
    arguments = np.array([deceleration]), period
    velocity = braking_velocity(np.array([distance]), *arguments)[0]
    assert brake(velocity, deceleration, period) == pytest.approx(distance, rel=1e-9, abs=1e-12)
    faster = velocity + max(1e-6, 1e-6 * velocity)
    assert brake(faster, deceleration, period) > distance


@given(st.floats(0.0, 0.5), decelerations, st.floats(0.002, 0.2))
def test_braking_velocity_outside_leads_back_in_one_period(distance, deceleration, period):
    velocity = braking_velocity(np.array([-distance]), np.array([deceleration]), period)[0]
    assert velocity * period == pytest.approx(-distance)


@given(st.floats(-5.0, 5.0), decelerations, st.floats(0.002, 0.2))
def test_stopping_distance_against_a_simulation(velocity, deceleration, period):
    change = deceleration * period
    given = stopping_distance(np.array([velocity]), np.array([change]), period)[0]
    expected = brake(abs(velocity) - change, deceleration, period)
    assert abs(given) == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert given * velocity >= 0.0


@given(distances, st.floats(0.1, 0.7), decelerations, st.floats(0.01, 1.0), st.floats(0.002, 0.2))
def test_approach_velocity_obeys_the_falling_limit(distance, offset, falling, share, period):
    def limit(s):
        return share * (np.sqrt(offset**2 + 2.0 * falling * max(s, 0.0)) - offset)

    def approach(s):
        one = np.array([offset]), np.array([falling])
        return approach_velocity(np.array([s]), *one, share, period)[0]

    velocity = approach(distance)
    after = distance - velocity * period
    assert after >= -TINY
    assert velocity == pytest.approx(limit(after), abs=1e-7)
    # To go on like this costs no more than the deceleration that the curve was made for.
    assert velocity - approach(after) <= share**2 * falling * period + TINY
