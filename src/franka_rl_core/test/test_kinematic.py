# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The kinematic backend: as exact as PyBullet and the mock, seeded, and what it refuses."""

import dataclasses
import itertools
import resource
import sys
import time

import numpy as np
import pytest

from franka_rl_core import registry
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.robot_model import available_robots
from franka_rl_core.safety.base import Reason
from franka_rl_core.safety.joint_range import allowed_range
from franka_rl_core.state import ArmState, RobotState

torch = pytest.importorskip('torch')
torch_arrays = pytest.importorskip('franka_rl_core.torch_arrays')

from kinematic_helpers import drive, make_env, make_worlds, same  # noqa: E402

SYSTEMS = list(itertools.product(registry.available('actions'), available_robots()))
EPISODE = 50


@pytest.fixture(params=SYSTEMS, ids='-'.join)
def system(request):
    """Give the settings of every control and robot."""
    control, robot = request.param
    return {'control': control, 'robot': robot}


# As exact as others


def postures(model, count=200):
    return np.random.default_rng(0).uniform(model.range_lower, model.range_upper, (count, 7))


@pytest.mark.parametrize('dtype', ['float64', 'float32'])
def test_tools_are_where_pybullet_says(model, pybullet_arm, dtype):
    q, truth = postures(model), pybullet_arm(model.urdf_path)
    arrays = torch_arrays.TorchArrays('cpu', dtype)
    position = arrays.numpy(model.tool_position(arrays.constant(q)))
    assert position.dtype == dtype
    for row, tool in zip(q, position, strict=True):
        assert tool == pytest.approx(
            truth.pose(model.joint_names, row, model.tool_frame)[0], rel=0, abs=1e-6
        )


@pytest.mark.parametrize('dtype, error', [('float64', 1e-14), ('float32', 2e-6)])
def test_kinematics_are_those_of_numpy(model, dtype, error):
    q = postures(model)
    dq = np.random.default_rng(1).uniform(-1.0, 1.0, q.shape)
    expected = model.arm_state(RobotState(q, dq, np.zeros(len(q), np.int64)))
    arrays = torch_arrays.TorchArrays('cpu', dtype)
    given = model.arm_state(RobotState(*map(arrays.constant, (q, dq)), arrays.index([0] * len(q))))
    for field in dataclasses.fields(ArmState):
        values = arrays.numpy(getattr(given, field.name))
        assert values == pytest.approx(getattr(expected, field.name), rel=0, abs=error), field.name


def test_it_does_what_the_mock_does(system):
    """With float64, over a restart, with targets that every limit of the chain changes."""
    env, mock = make_env(12, 'float64', **system), make_env(12, backend='mock', **system)
    same(env.reset(seed=1), mock.reset(seed=1), 1e-7)
    reasons = set()
    for action in drive(env.action_space.shape, EPISODE + 10):
        given, expected = env.step(action), mock.step(action)
        same(vars(env.arm), vars(mock.arm), 1e-9)
        same(given, expected, 1e-6)
        same(given[4]['distance'], expected[4]['distance'], 1e-9)
        reasons |= set(expected[4]['reason'].tolist())
    assert reasons >= {Reason.NONE, Reason.NOT_FINITE, Reason.WORKSPACE, Reason.REACH}


def test_single_precision_obeys_the_limits_too(system):
    env = make_env(48, **system)
    model, config = env.parts.model, env.parts.chain.config
    low, high = allowed_range(model, config)
    change = config.acceleration_fraction * model.acceleration * env.config.control_period
    env.reset(seed=0)
    for action in drive(env.action_space.shape, EPISODE - 1):
        before, infos, arm = env.arm.joint_velocity, env.step(action)[4], env.arm
        assert (low - 1e-5 < arm.joint_position).all() and (arm.joint_position < high + 1e-5).all()
        assert (model.workspace_lower - 0.01 < arm.tool_position).all()
        assert (arm.tool_position < model.workspace_upper + 0.01).all()
        assert (np.abs(arm.joint_velocity) < config.velocity_fraction * model.velocity + 1e-4).all()
        going_on = ~infos['_final_obs']
        assert (np.abs(arm.joint_velocity - before)[going_on] < change + 1e-4).all()


def test_velocities_beyond_the_official_limits_are_not_reached(model):
    """The mock would jump there."""
    backend = registry.find('backends', 'kinematic')(model, 1, 0.04, dtype='float64')
    state = backend.reset(model.home[None])
    target = model.home + np.array([[2.0, 0.001, -2.0, 0.0, 0.0, 0.0, 9.0]])
    after = backend.step(target)
    expected = np.clip((target - model.home) / 0.04, -model.velocity, model.velocity)
    assert after.joint_velocity.numpy() == pytest.approx(expected, abs=1e-12)
    moved = (after.joint_position - state.joint_position).numpy()
    assert moved == pytest.approx(0.04 * expected, abs=1e-12)


# Determinism


def roll_out(worlds, steps=EPISODE + 10):
    """Return everything that came of some steps."""
    shape = (worlds.config.num_envs, worlds.parts.decoder.size)
    actions = (worlds.arrays.constant(action) for action in drive(shape, steps))
    return [dataclasses.asdict(worlds.step(action)) for action in actions]


def test_same_seed_same_worlds(system):
    same(roll_out(make_worlds(6, **system)), roll_out(make_worlds(6, **system)))


def test_another_seed_other_goals():
    goals = [make_worlds(6, seed=seed).goals.goal for seed in (0, 1, None, None)]
    for one, other in itertools.combinations(goals, 2):
        assert (one != other).all()


@pytest.mark.parametrize('dtype, error', [('float64', 0.0), ('float32', 1e-7)])
def test_goals_depend_neither_on_how_many_there_are_nor_on_the_library(dtype, error):
    envs = make_env(2, dtype), make_env(50, dtype), make_env(50, backend='mock')
    for env in envs:
        env.reset(seed=3)
    for _ in range(4):
        few, many, mock = (np.asarray(env.goals.goal)[:2] for env in envs)
        assert few.tobytes() == many.tobytes() and len(np.unique(few)) == 6
        assert few == pytest.approx(mock, rel=0, abs=error)
        for env in envs:
            others = np.arange(env.num_envs) >= 2
            env.reset(options={'reset_mask': ~others})
            if others.any():
                env.reset(options={'reset_mask': others})


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_restarting_some_worlds_keeps_the_others(system, dtype):
    worlds, twin = (make_worlds(12, dtype, autoreset=False, **system) for _ in range(2))
    before = roll_out(worlds, 5)[-1]['observation']
    roll_out(twin, 5)
    start = make_worlds(12, dtype, **system).arm
    mask = np.arange(12) % 3 == 0
    after = worlds.reset(mask=mask)
    for key, value in after.items():
        same(value[~mask], before[key][~mask])
    assert (after['desired_goal'][mask] != before['desired_goal'][mask]).all()
    same(worlds.arm.joint_position[mask], start.joint_position[mask])
    assert not worlds.arm.joint_velocity[mask].any()
    for given, expected in zip(roll_out(worlds, 45), roll_out(twin, 45), strict=True):
        same(
            given['observation']['observation'][~mask],
            expected['observation']['observation'][~mask],
        )
        same(given['ended'][~mask], expected['ended'][~mask])
    assert (expected['truncated'] | expected['terminated']).all()
    assert not given['truncated'][mask].any()  # their fifty steps began later


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_what_was_returned_is_not_changed_later(dtype):
    worlds = make_worlds(40, dtype)
    returned, copies, restarts = [], [], 0
    for step, action in enumerate(drive((40, 3), EPISODE + 10)):
        outcome = worlds.step(worlds.arrays.constant(action))
        returned.append(vars(outcome))
        copies.append(dataclasses.asdict(outcome))
        restarts += outcome.ended.sum()
        if step % 10 == 5:
            worlds.reset(mask=np.arange(40) % 7 == 0)
    assert restarts > 20
    same(returned, copies)


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_the_last_observation_is_that_before_the_restart(dtype):
    worlds, twin = (make_worlds(40, dtype, autoreset) for autoreset in (True, False))
    for action in drive((40, 3), EPISODE):
        given, expected = (each.step(each.arrays.constant(action)) for each in (worlds, twin))
        same(given.final_observation, expected.observation)
        if given.ended.any():
            break
    assert given.ended.any() and not given.ended.all()


@pytest.mark.parametrize('settles', [True, False])
def test_what_is_left_for_later_changes_nothing(system, settles):
    """The outcome is there before the arms are put back; whoever needs them has them put back."""
    worlds, twin = (make_worlds(40, **system) for _ in range(2))
    restarts = 0
    for step, action in enumerate(drive((40, worlds.parts.decoder.size), EPISODE + 10)):
        given, expected = (
            each(worlds.arrays.constant(action)) for each in (worlds.advance, twin.step)
        )
        same(dataclasses.asdict(given), dataclasses.asdict(expected))
        restarts += given.ended.sum()
        if settles:
            worlds.settle()
            same(vars(worlds.arm), vars(twin.arm))
        if step % 10 == 5:
            mask = np.arange(40) % 7 == 0
            same(worlds.reset(mask=mask), twin.reset(mask=mask))
    assert restarts > 20


# What is refused


@pytest.mark.parametrize('device', ['cuda:7', 'nonsense', 'cpu:3', 'meta'])
def test_unknown_devices_list_the_known_ones(device):
    with pytest.raises(UnknownNameError, match=f"unknown device '{device}'; known: cpu"):
        make_env(device=device)


def test_unknown_types_list_the_known_ones():
    with pytest.raises(UnknownNameError, match="unknown dtype 'float16'; known: float32, float64"):
        make_env(dtype='float16')


def test_more_worlds_than_fit_are_refused_before_anything_is_allocated():
    start, peak = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RefusedError, match=r'1000000000 worlds need .* GB are free: at most \d+ w'):
        make_env(10**9)
    assert time.monotonic() - start < 1.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 20_000  # [KiB]


def test_as_many_worlds_as_it_says_do_fit(monkeypatch):
    module = sys.modules[registry.find('backends', 'kinematic').__module__]
    size = module.BYTES_PER_WORLD['float64']
    monkeypatch.setattr(torch_arrays, 'free_memory', lambda device: 10 * size + 1)
    assert make_env(10, 'float64').num_envs == 10
    with pytest.raises(RefusedError, match='at most 10 worlds'):
        make_env(11, 'float64')


def test_no_second_process():
    with pytest.raises(RefusedError, match="'kinematic' takes one process, workers = 1"):
        make_env(4, workers=2)


@pytest.mark.parametrize('backend', ['mock', 'pybullet'])
@pytest.mark.parametrize('settings', [{'device': 'cuda'}, {'compile': True}], ids=str)
def test_other_backends_take_neither_devices_nor_the_compiler(backend, settings):
    message = f"backend '{backend}' takes device cpu and no compile; others are for kinematic"
    with pytest.raises(RefusedError, match=message):
        make_env(backend=backend, **settings)


def test_a_task_that_needs_physics_is_refused(monkeypatch):
    monkeypatch.setattr(registry.find('tasks', 'reach'), 'needs', frozenset({'physics'}))
    message = r"needs \['physics'\], which backend 'kinematic' lacks; these have it: pybullet"
    with pytest.raises(RefusedError, match=message):
        make_env()


def test_a_refusal_does_not_need_the_other_backends(monkeypatch):
    """Who has no PyBullet is told what is wrong, not to install it."""
    monkeypatch.setitem(sys.modules, 'pybullet', None)
    monkeypatch.delitem(sys.modules, 'franka_rl_core.backends.pybullet', raising=False)
    with pytest.raises(RefusedError, match="backend 'mock' takes device cpu and no compile"):
        make_env(backend='mock', compile=True)
