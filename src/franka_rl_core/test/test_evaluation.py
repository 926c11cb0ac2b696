# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: fair shares, an interval with a known answer, numbers that JSON can hold."""

import json
import math
from types import SimpleNamespace

import numpy as np
import pytest

from franka_rl_core.evaluation import Episode, evaluate, report, wilson_interval


# Newcombe (1998), table I, method 3: the score interval without continuity correction.
@pytest.mark.parametrize(
    ('successes', 'trials', 'low', 'high'),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_interval_is_that_of_the_literature(successes, trials, low, high):
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_all_successes_end_at_one():
    low, high = wilson_interval(100, 100)
    assert high == pytest.approx(1.0) and low == pytest.approx(0.963, abs=5e-4)


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
