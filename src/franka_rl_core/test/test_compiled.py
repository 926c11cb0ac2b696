# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The same on a GPU, compiled, and where nothing can be compiled."""

import dataclasses
import shutil
import warnings

import numpy as np
import pytest

from franka_rl_core.safety.base import Reason, SafetyConfig
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.safety.fused import FusedChain
from franka_rl_core.safety.slide import workspace_box
from franka_rl_core.state import RobotState

torch = pytest.importorskip('torch')

from kinematic_helpers import drive, make_env, same  # noqa: E402

from franka_rl_core.torch_arrays import TorchArrays  # noqa: E402


@pytest.mark.timeout(600)
@pytest.mark.parametrize('fused', [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize('control', ['ee', 'joints'])
def test_a_gpu_gives_what_the_cpu_gives(control, fused):
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    warnings.filterwarnings('error', 'compile: goes on without')
    env = make_env(16, control=control, device='cuda', compile=fused)
    expected = make_env(16, control=control)
    same(env.reset(seed=0), expected.reset(seed=0), 1e-6)
    rng = np.random.default_rng(0)
    for _ in range(20):  # not up to a wall, where the last bits decide whether an arm slides
        action = rng.uniform(-1.0, 1.0, env.action_space.shape)
        same(env.step(action), expected.step(action), 1e-4)
        same(vars(env.arm), vars(expected.arm), 1e-4)
    assert env.worlds.arm.joint_position.device.type == 'cuda'


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_compiled_on_a_gpu_arms_stay_at_the_walls_too():
    if not torch.cuda.is_available():
        pytest.skip('no CUDA device')
    warnings.filterwarnings('error', 'compile: goes on without')
    env = make_env(64, 'float64', device='cuda', compile=True)
    expected = make_env(64, 'float64')
    same(env.reset(seed=0), expected.reset(seed=0), 1e-6)
    low, high = workspace_box(env.parts.model, SafetyConfig())
    alike, at_walls = np.ones(64, bool), 0
    for action in drive(env.action_space.shape, 40, seed=3):
        seen, *_, infos = env.step(action)
        usual, *_, usual_infos = expected.step(action)
        tool = seen['achieved_goal']
        # Where the last bits decide which way along a wall, an arm goes its own way from then on.
        alike &= (np.abs(tool - usual['achieved_goal']) < 1e-6).all(axis=1)
        assert (infos['reason'] == usual_infos['reason'])[alike].all()
        at_walls += (infos['reason'] == Reason.WORKSPACE).sum()
        assert (tool > low - 0.01).all() and (tool < high + 0.01).all()
    assert alike.sum() > 32 and at_walls > 64


@pytest.mark.parametrize('control', ['ee', 'joints'])
def test_what_only_a_gpu_does_otherwise(control, monkeypatch):
    """The few arms at a wall stay with the others, and nobody asks whether there are any."""

    def steps():
        env = make_env(64, 'float64', control=control)
        env.reset(seed=0)
        for action in drive(env.action_space.shape, 60, seed=3):
            yield env.step(action), vars(env.arm)

    expected = list(steps())
    monkeypatch.setattr(TorchArrays, 'of_few', property(lambda self: self))
    monkeypatch.setattr(TorchArrays, 'may_be_any', lambda self, mask: True)
    for given, usual in zip(steps(), expected, strict=True):
        same(given, usual, 1e-6)
    assert any(Reason.WORKSPACE in step[4]['reason'] for step, _ in expected)


@pytest.mark.slow
@pytest.mark.timeout(600)  # compiling takes minutes where nothing is in PyTorch's cache
def test_compiled_steps_give_what_others_give():
    if shutil.which('g++') is None:
        pytest.skip('no compiler')
    warnings.filterwarnings('error', 'compile: goes on without')
    env, expected = (make_env(32, control='joints', compile=fused) for fused in (True, False))
    same(env.reset(seed=1), expected.reset(seed=1), 1e-6)
    reasons, ended = set(), 0
    # With these actions no arm is where the last bits decide whether it slides along a wall.
    for action in drive(env.action_space.shape, 25, seed=2):
        given, eager = env.step(action), expected.step(action)
        # A velocity is a difference divided by the period, 25 times the rounding of float32.
        same(given, eager, 1e-4)
        same(vars(env.arm), vars(expected.arm), 1e-4)
        reasons |= set(eager[4]['reason'].tolist())
        ended += eager[4]['_final_obs'].sum()
    assert reasons >= {Reason.NONE, Reason.NOT_FINITE, Reason.WORKSPACE, Reason.REACH} and ended


@pytest.fixture
def no_compiler():
    """Take the C++ compiler away, and what PyTorch has kept of earlier runs."""
    inductor = pytest.importorskip('torch._inductor.config')
    compiler = pytest.importorskip('torch.compiler.config')
    # Not monkeypatch: it cannot put back what is an alias.
    with (
        inductor.patch({'cpp.cxx': ('/nowhere/g++',)}),
        compiler.patch(force_disable_caches=True),
    ):
        yield


@pytest.mark.usefixtures('no_compiler')
def test_who_has_no_compiler_goes_on_without():
    twice = TorchArrays().compiled(lambda x: 2.0 * x)
    with pytest.warns(UserWarning, match='compile: goes on without, '):
        assert twice(torch.ones(3)).tolist() == [2.0] * 3
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # said once
        assert twice(torch.full((3,), 2.0)).tolist() == [4.0] * 3


@pytest.mark.parametrize('like', ['a CPU', 'a GPU'])
@pytest.mark.parametrize('control', ['ee', 'joints'])
def test_who_has_no_compiler_is_limited_all_the_same(control, like, monkeypatch):
    monkeypatch.setattr(TorchArrays, 'compiled', lambda self, function: function)
    if like == 'a GPU':
        monkeypatch.setattr(TorchArrays, 'of_few', property(lambda self: self))
    env, expected = (make_env(64, control=control, compile=fused) for fused in (True, False))
    same(env.reset(seed=0), expected.reset(seed=0), 0.0)
    reasons = set()
    for action in drive(env.action_space.shape, 60, seed=3):
        given, usual = env.step(action), expected.step(action)
        same(given, usual, 0.0)
        reasons |= set(usual[4]['reason'].tolist())
    assert Reason.WORKSPACE in reasons


def test_those_left_over_are_decided_in_groups(model, monkeypatch):
    """As many as two groups and a part of one, which the others do not notice."""
    monkeypatch.setattr(TorchArrays, 'compiled', lambda self, function: function)
    arrays, count = TorchArrays(), 700
    random = np.random.default_rng(0)
    target, hold, position = (
        arrays.constant(random.uniform(model.lower, model.upper, (count, 7))) for _ in range(3)
    )
    arm = model.arm_state(RobotState(position, 0.1 * hold, arrays.index(range(count))))
    undecided = arrays.constant(random.uniform(size=count)) < 0.9
    chain = SafetyChain(model, 0.04, arrays=arrays)
    expected = chain(target, arm, hold=hold)
    assert (expected.reason == Reason.WORKSPACE).sum() > 20
    left = dataclasses.replace(
        expected,
        joint_position=torch.where(undecided[:, None], 0.0, expected.joint_position),
        verdict=torch.where(undecided, 99, expected.verdict),
        reason=torch.where(undecided, 99, expected.reason),
    )
    monkeypatch.setattr(chain, 'decide_most', lambda *given: (left, undecided))
    given = FusedChain(chain, arrays)(target, arm, hold=hold)
    same(vars(given), vars(expected))


def test_what_is_compiled_notices_that_two_arguments_are_one():
    if shutil.which('g++') is None:
        pytest.skip('no compiler')
    warnings.filterwarnings('error', 'compile: goes on without')
    difference = TorchArrays().compiled(lambda x, y: (x + 1.0) * (y - 1.0))
    one, other = torch.full((3,), 2.0), torch.full((3,), 5.0)
    assert difference(one, one).tolist() == [3.0] * 3
    assert difference(one, other).tolist() == [12.0] * 3
