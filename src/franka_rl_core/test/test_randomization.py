# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What differs between episodes: how much, for which worlds, and that it is reproducible."""

import numpy as np
import pytest

from franka_rl_core.envs.randomization import RandomizationConfig
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import RefusedError

BACKENDS = ('mock', 'kinematic')
EVERYTHING = {
    'delay_steps': 2,
    'action_scale': 0.3,
    'position_noise': 0.01,
    'velocity_noise': 0.05,
    'tracking_lag': 0.3,
}


@pytest.fixture(params=BACKENDS)
def make(request):
    """Give a function that makes an environment, on each backend in turn."""
    if request.param == 'kinematic':
        pytest.importorskip('torch')

    def make(num_envs=64, control='joints', **randomization):
        return FrankaVectorEnv(
            backend=request.param,
            num_envs=num_envs,
            control=control,
            randomization=randomization,
        )

    return make


def constant(env, value):
    """Give the same action for all worlds."""
    return np.full(env.action_space.shape, value, np.float32)


def moved(env, action):
    """Step, and give how far the first joints got; NaN where the episode ended."""
    before = np.array(env.arm.joint_position[:, 0])
    ended = env.step(action)[4]['_final_obs']
    return np.where(ended, np.nan, np.array(env.arm.joint_position[:, 0]) - before)


def drive(env, steps=60):
    """Reset and step at random; give all observations before and after the restarts."""
    rng = np.random.default_rng(0)
    given = [env.reset(seed=3)[0]]
    for _ in range(steps):
        actions = rng.uniform(-1.0, 1.0, (64, env.action_space.shape[1])).astype(np.float32)
        observation, *_, infos = env.step(actions[: env.num_envs])
        given += [infos['final_obs'], observation]
    return given


def test_off_by_default(make):
    env, plain = make(), make(**dict.fromkeys(EVERYTHING, 0))
    for one, other in zip(drive(env, 5), drive(plain, 5), strict=True):
        assert all(np.array_equal(one[key], other[key]) for key in one)


def test_an_unknown_deviation_is_refused(make):
    with pytest.raises(
        RefusedError, match="unknown RandomizationConfig key 'dely'; known: action_scale, delay_"
    ):
        make(dely=1)
    with pytest.raises(RefusedError, match='delay_steps = 11 is out of bounds'):
        make(delay_steps=11)


def test_every_field_disturbs(make):
    plain = drive(make(), 3)
    for name, value in EVERYTHING.items():
        disturbed = drive(make(**{name: value}), 3)
        assert not np.array_equal(plain[-1]['observation'], disturbed[-1]['observation']), name
    assert set(EVERYTHING) == set(RandomizationConfig.__dataclass_fields__)


def test_an_action_comes_so_many_steps_late(make):
    env = make(delay_steps=2)
    env.reset(seed=0)
    ways = np.array([moved(env, constant(env, 1.0)) for _ in range(4)])
    whole = ways[:, np.isfinite(ways).all(axis=0)]  # those of one episode
    assert set((whole > 1e-6).argmax(axis=0).tolist()) == {0, 1, 2}


def test_a_late_action_of_the_last_episode_is_forgotten(make):
    env = make(delay_steps=2)
    env.reset(seed=0)
    for _ in range(3):
        env.step(constant(env, 1.0))
    env.reset()
    for _ in range(2):
        assert np.nanmax(np.abs(moved(env, constant(env, 0.0)))) < 1e-6


def shares_of_the_way(make, **randomization):
    """Give how far disturbed arms get with a small action, relative to others."""
    ways = []
    for env in (make(**randomization), make()):
        env.reset(seed=0)
        ways.append(moved(env, constant(env, 0.1)))
    return ways[0] / ways[1]


def test_actions_are_larger_or_smaller_but_no_more_than_that(make):
    share = shares_of_the_way(make, action_scale=0.2)
    assert 0.79 < np.nanmin(share) < 0.9 and 1.1 < np.nanmax(share) < 1.21


def test_arms_lag_behind(make):
    share = shares_of_the_way(make, tracking_lag=0.5)
    assert 0.49 < np.nanmin(share) < 0.65 and 0.85 < np.nanmax(share) < 1.001


def test_noise_has_its_deviation_and_spares_the_goals(make):
    env, plain = make(512, position_noise=0.01, velocity_noise=0.1), make(512)
    observation, exact = (each.reset(seed=0)[0] for each in (env, plain))
    noise = observation['observation'] - exact['observation']
    column = 0
    for term in env.parts.terms:
        of_term = noise[:, column : column + term.size]
        expected = 0.01 if term.unit in ('m', 'rad') else 0.1
        assert of_term.std() == pytest.approx(expected, rel=0.1)
        assert abs(of_term.mean()) < 0.15 * expected
        column += term.size
    for key in ('achieved_goal', 'desired_goal'):
        assert np.array_equal(observation[key], exact[key])


def test_noise_changes_from_step_to_step_and_between_episodes(make):
    env = make(position_noise=0.01)
    given = [env.reset(seed=0)[0]['observation']]
    given += [env.step(constant(env, 0.0))[0]['observation'] for _ in range(3)]
    given.append(env.reset()[0]['observation'])
    first = [row[0, :3].tobytes() for row in given]
    assert len(set(first)) == len(first)


def test_a_seed_gives_the_same_and_another_seed_does_not(make):
    one, same = drive(make(**EVERYTHING)), drive(make(**EVERYTHING))
    for a, b in zip(one, same, strict=True):
        assert all(np.array_equal(a[key], b[key]) for key in a)
    env = make(**EVERYTHING)
    observations = [env.reset(seed=seed)[0]['observation'] for seed in (3, 4)]
    assert not np.array_equal(*observations)


def test_a_world_does_not_depend_on_the_others(make):
    """Neither on how many there are, nor on when they restart."""
    many, few = drive(make(64, **EVERYTHING)), drive(make(8, **EVERYTHING))
    for a, b in zip(many, few, strict=True):
        assert all(np.allclose(a[key][:8], b[key], atol=1e-5) for key in a)


def test_who_does_not_restart_sees_one_noise_per_step(make):
    env = make(position_noise=0.01)
    env.reset(seed=0)
    restarts = 0
    rng = np.random.default_rng(0)
    for _ in range(60):
        action = rng.uniform(-1.0, 1.0, env.action_space.shape).astype(np.float32)
        observation, *_, infos = env.step(action)
        stays = ~infos['_final_obs']
        final = infos['final_obs']['observation']
        assert np.array_equal(observation['observation'][stays], final[stays])
        restarts += int(0 < stays.sum() < 64)
    assert restarts


def test_a_masked_reset_leaves_the_others_as_they_are(make):
    env = make(**EVERYTHING)
    env.reset(seed=0)
    before = env.step(constant(env, 0.5))[0]['observation']
    mask = np.arange(64) % 2 == 0
    after = env.reset(options={'reset_mask': mask})[0]['observation']
    assert np.array_equal(before[~mask], after[~mask])
    assert not np.array_equal(before[mask], after[mask])
