# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Gradients through the steps of differentiable worlds, against finite differences."""

import itertools

import numpy as np
import pytest

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.envs.worlds import Worlds
from franka_rl_core.robot_model import available_robots
from franka_rl_core.safety.base import Reason, Verdict

torch = pytest.importorskip('torch')

SIZES = {'ee': 3, 'joints': 7}
SYSTEMS = list(itertools.product(SIZES, available_robots()))
SHIFT = 1e-6


@pytest.fixture(params=SYSTEMS, ids='-'.join)
def system(request):
    """Give the settings of every control and robot."""
    control, robot = request.param
    return {'control': control, 'robot': robot}


def make(num_envs, dtype='float64', autoreset=False, **settings):
    settings |= {'backend': 'kinematic', 'backend_options': {'dtype': dtype}}
    worlds = Worlds(EnvConfig(num_envs=num_envs, **settings), autoreset=autoreset)
    worlds.reset(seed=0)
    return worlds


def asked(worlds, numbers):
    """Return actions whose gradients are wanted."""
    return worlds.arrays.constant(numbers).clone().requires_grad_()


def shifted(actions):
    """
    Return actions, then copies with one element shifted up, then with it shifted down.

    :param actions: (steps, worlds, size).
    :returns: (steps, (1 + 2 steps size) worlds, size).
    """
    steps, _, size = actions.shape
    unit = SHIFT * np.eye(steps * size).reshape(-1, steps, 1, size)
    copies = np.concatenate([0.0 * unit[:1], unit, -unit]) + actions
    return np.concatenate(copies, axis=1)


@pytest.mark.parametrize(
    'size, verdict, reason',
    [(0.02, Verdict.PASSED, Reason.NONE), (0.6, Verdict.CLIPPED, Reason.REACH)],
    ids=['free', 'at the acceleration limit'],
)
def test_gradients_equal_finite_differences(system, size, verdict, reason):
    """Four worlds, three steps, and a world more for each finite difference."""
    shape = (3, 4, SIZES[system['control']])
    rng = np.random.default_rng(0)
    base = size * rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.0, shape)
    numbers = shifted(base)
    worlds = make(numbers.shape[1], **system)
    worlds.goals.goal = worlds.goals.goal[:4].repeat(numbers.shape[1] // 4, 1)
    actions = asked(worlds, numbers)
    total, exact = 0.0, 0.0  # observations, and so rewards, are rounded to float32
    for action in actions:
        outcome = worlds.step(action)
        assert (outcome.verdict == verdict).all() and (outcome.reason == reason).all()
        total = total + outcome.reward
        exact = exact - (worlds.arm.tool_position - worlds.goals.goal).detach().norm(dim=1)
    total[:4].sum().backward()
    given = actions.grad[:, :4].numpy()
    up, down = exact[4:].reshape(2, 3, -1, 4).numpy()
    expected = np.moveaxis((up - down) / (2.0 * SHIFT), 1, 2)
    assert given == pytest.approx(expected, rel=0, abs=1e-6)
    assert np.abs(given).max() > 0.01


def rough(worlds, steps, seed=0):
    """Return (steps, N, K) actions that drive each arm somewhere; a few are huge."""
    shape = (worlds.config.num_envs, worlds.parts.decoder.size)
    rng = np.random.default_rng(seed)
    somewhere = rng.uniform(-2.0, 2.0, shape)
    scale = rng.choice([0.01, 1.0, 10.0], (steps, shape[0], 1))
    actions = somewhere + scale * rng.uniform(-1.0, 1.0, (steps, *shape))
    actions[rng.random((steps, shape[0])) < 0.05] = 1e30
    return actions


def roll_out(worlds, numbers, horizon=15):
    """Return the gradients of the rewards of every 15 steps, and the reasons there were."""
    gradients, reasons = [], set()
    for start in range(0, len(numbers), horizon):
        worlds.detach()
        actions = asked(worlds, numbers[start : start + horizon])
        total = 0.0
        for action in actions:
            outcome = worlds.step(action)
            total = total + outcome.reward.sum()
            reasons |= set(outcome.reason.tolist())
        total.backward()
        gradients.append(actions.grad)
    return torch.cat(gradients), reasons


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
def test_gradients_are_finite_everywhere(system, dtype):
    """Against walls, at the ends of joints, across restarts."""
    worlds = make(48, dtype, autoreset=True, **system)
    gradients, reasons = roll_out(worlds, rough(worlds, 60))
    assert reasons >= {Reason.JOINT_RANGE, Reason.WORKSPACE, Reason.REACH}
    assert torch.isfinite(gradients).all()
    assert (gradients != 0.0).any(dim=2).float().mean() > 0.3


@pytest.mark.parametrize('bad', [np.nan, np.inf])
def test_a_bad_action_leaves_the_gradients_finite(system, bad):
    """Its arm is held, which depends on the actions before."""
    worlds = make(4, **system)
    numbers = rough(worlds, 15).clip(-0.5, 0.5)
    numbers[5, 1, 0] = bad
    gradients, reasons = roll_out(worlds, numbers)
    assert Reason.NOT_FINITE in reasons
    others = [0, 2, 3]
    assert torch.isfinite(gradients[:, others]).all()
    assert torch.isfinite(gradients).all()


def test_detach_ends_gradients(system):
    worlds = make(3, **system)
    first, second = asked(worlds, rough(worlds, 2).clip(-0.1, 0.1))
    (before,) = torch.autograd.grad(worlds.step(first).reward.sum(), first)
    assert (before != 0.0).any(dim=1).all()
    arm = worlds.arm
    worlds.detach()
    for name in ('joint_position', 'joint_velocity', 'tool_position', 'jacobian'):
        assert getattr(worlds.arm, name).equal(getattr(arm, name).detach())
        assert not getattr(worlds.arm, name).requires_grad
    total = worlds.step(second).reward.sum()
    gradients = torch.autograd.grad(total, (first, second), allow_unused=True)
    assert gradients[0] is None and (gradients[1] != 0.0).any(dim=1).all()


def test_a_restart_ends_the_gradients_of_its_world(system):
    gradients = []
    for restart in (True, False):
        worlds = make(3, **system)
        first, second = (asked(worlds, step) for step in rough(worlds, 2).clip(-0.1, 0.1))
        worlds.step(first)
        if restart:
            worlds.reset(mask=[False, True, False])
        gradients += torch.autograd.grad(worlds.step(second).reward.sum(), first)
    restarted, going_on = gradients
    others = [0, 2]
    assert restarted[others].equal(going_on[others]) and (restarted[others] != 0.0).any()
    assert not restarted[1].any() and going_on[1].any()
