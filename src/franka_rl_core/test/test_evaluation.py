# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: fair shares, an interval with a known answer, numbers that JSON can hold."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.evaluation import Episode, evaluate, report, wilson_interval


# Newcombe (1998), table I, method 3: the score interval without continuity correction.
@pytest.mark.parametrize(
    ('successes', 'trials', 'low', 'high'),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_the_literature(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_all_successes_end_at_one():
    low, high = wilson_interval(100, 100)
    assert high == pytest.approx(1.0) and low == pytest.approx(0.963, abs=5e-4)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_every_rate_that_the_score_test_accepts(counts):
    """Wilson's definition: its ends are 1.96 of their own standard deviations off the estimate."""
    successes, trials = counts
    estimate = successes / trials
    for end in wilson_interval(successes, trials):
        deviation = math.sqrt(end * (1.0 - end) / trials)
        score = abs(end - estimate) / deviation if deviation > 1e-9 else 1.959964
        assert score == pytest.approx(1.959964, abs=1e-4)
    low, high = wilson_interval(successes, trials)
    assert 0.0 <= low <= estimate <= high <= 1.0


def test_more_confidence_is_a_wider_interval():
    wide, narrow = (wilson_interval(7, 20, confidence) for confidence in (0.99, 0.8))
    assert wide[0] < narrow[0] < 7 / 20 < narrow[1] < wide[1]


class FixedLengths:
    """World i succeeds in episodes of i + 1 steps if i is even, and fails otherwise."""

    def __init__(self, num_envs):
        self.num_envs = num_envs
        self.config = SimpleNamespace(control_period=0.04)
        self.elapsed = np.zeros(num_envs, int)

    def reset(self, *, seed):
        self.seed = seed
        return {}, {}

    def step(self, actions):
        self.elapsed += 1
        done = self.elapsed > np.arange(self.num_envs)
        self.elapsed[done] = 0
        success = done & (np.arange(self.num_envs) % 2 == 0)
        infos = {'is_success': success, 'distance': np.where(success, 0.01, 0.2)}
        return {}, np.zeros(self.num_envs), success, done & ~success, infos


@pytest.mark.parametrize('episodes', [1, 4, 6, 11])
def test_every_world_runs_its_share(episodes):
    seen = []
    result = evaluate(FixedLengths(4), lambda o: None, episodes, seed=7, on_episode=seen.append)
    shares = [episodes // 4 + (i < episodes % 4) for i in range(4)]
    assert result.episodes == len(seen) == episodes
    assert result.success_rate == (shares[0] + shares[2]) / episodes
    lengths = sorted(round(e.duration / 0.04) for e in seen)
    assert lengths == sorted(n for i, share in enumerate(shares) for n in [i + 1] * share)


def test_the_seed_is_that_of_the_goals():
    env = FixedLengths(2)
    evaluate(env, lambda o: None, 2, seed=11)
    assert env.seed == 11


def test_a_real_environment_is_judged_by_its_final_observations():
    """Distance and success are those before the automatic reset."""
    env = FrankaVectorEnv(backend='mock', num_envs=3)
    seen = []

    def act(observation):
        way = observation['desired_goal'] - observation['achieved_goal']
        return np.clip(10.0 * way, -1.0, 1.0)

    result = evaluate(env, act, 7, seed=2, on_episode=seen.append)
    assert result == evaluate(env, act, 7, seed=2)
    assert result.success_rate == 1.0 and len(seen) == 7
    assert all(episode.success == (episode.distance < 0.05) for episode in seen)
    assert all(0.04 <= episode.duration <= 2.0 for episode in seen)
    still = evaluate(env, lambda o: np.zeros((3, 3), np.float32), 7, seed=2, on_episode=seen.append)
    assert still.success_rate < 0.5
    assert max(episode.duration for episode in seen[7:]) == pytest.approx(2.0)


def test_statistics_and_summary():
    episodes = [Episode(True, 0.01 * i, 0.1 * i) for i in range(1, 10)] + [Episode(False, 1.0, 2.0)]
    result = report(episodes)
    assert result.summary() == 'success_rate: 0.90 [0.60, 0.98]'
    assert result.final_distance_m['median'] == pytest.approx(0.055)
    assert result.time_to_success_s['mean'] == pytest.approx(0.5)


def test_without_a_success_there_is_no_time_and_json_holds_no_nan():
    result = report([Episode(False, 0.3, 2.0)])
    assert math.isnan(result.time_to_success_s['mean'])
    content = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert content['time_to_success_s'] == {'mean': None, 'median': None, 'p95': None}
    assert content['success_interval'] == pytest.approx([0.0, 0.7935], abs=1e-4)
