# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation: how often, how closely and how quickly a policy reaches its goals."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.envs.config import EnvConfig

Act = Callable[[dict[str, NDArray[np.float32]]], NDArray[np.float32]]


class EvaluatedEnv(Protocol):
    """What evaluation needs of an environment: :class:`FrankaVectorEnv` and its ROS client."""

    num_envs: int
    config: Any

    def reset(self, *, seed: int | None) -> tuple[Any, dict[str, Any]]:
        """Start new episodes."""

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """Act for one control period."""


def as_it_is(trained: EnvConfig, **changes: Any) -> EnvConfig:
    """
    Give the environment of a training on another simulator, as that one is, without deviations.

    :param trained: the environment of the training.
    :param changes: other fields, ``backend`` and ``num_envs`` among them.
    """
    neutral = EnvConfig()
    names = ('workers', 'device', 'compile', 'randomization', 'backend_options')
    plain = {name: getattr(neutral, name) for name in names}
    return dataclasses.replace(trained, **{**plain, **changes})


@dataclass(frozen=True)
class Episode:
    """The end of one episode."""

    success: bool
    distance: float  # [m]
    duration: float  # [s]


@dataclass(frozen=True)
class EvaluationReport:
    """Statistics of a number of episodes."""

    success_rate: float
    success_interval: tuple[float, float]  # Wilson score interval, 95 %
    episodes: int
    final_distance_m: dict[str, float]  # mean, median, p95
    time_to_success_s: dict[str, float]  # of the successful episodes; NaN if there are none

    def to_dict(self) -> dict[str, Any]:
        """Give the report as plain data; what does not exist (a time without a success) is None."""
        report = dataclasses.asdict(self)
        for key in ('final_distance_m', 'time_to_success_s'):
            report[key] = {k: None if math.isnan(v) else v for k, v in report[key].items()}
        return report

    def summary(self) -> str:
        """Give the one line that programs print at their end."""
        low, high = self.success_interval
        return f'success_rate: {self.success_rate:.2f} [{low:.2f}, {high:.2f}]'


def evaluate(
    env: EvaluatedEnv,
    act: Act,
    episodes: int,
    seed: int | None,
    on_episode: Callable[[Episode], None] | None = None,
) -> EvaluationReport:
    """
    Run episodes and judge them.

    Every world runs its share of the episodes. Taking whichever end first would favour short,
    successful ones.

    :param env: a vector environment that resets automatically.
    :param act: the policy, observations to actions.
    :param episodes: number of episodes, at least 1.
    :param seed: seed of the goals.
    :param on_episode: called at the end of each episode.
    """
    shares = np.full(env.num_envs, episodes // env.num_envs)
    shares[: episodes % env.num_envs] += 1
    steps = np.zeros(env.num_envs, np.int64)
    done: list[Episode] = []
    observation, _ = env.reset(seed=seed)
    while shares.any():
        observation, _, terminated, truncated, infos = env.step(act(observation))
        steps += 1
        for world in np.flatnonzero(terminated | truncated):
            if shares[world]:
                shares[world] -= 1
                success, distance = infos['is_success'][world], infos['distance'][world]
                duration = float(steps[world] * env.config.control_period)
                done.append(Episode(bool(success), float(distance), duration))
                if on_episode:
                    on_episode(done[-1])
            steps[world] = 0
    return report(done)


def report(episodes: Sequence[Episode]) -> EvaluationReport:
    """Sum up episodes."""
    successes = sum(episode.success for episode in episodes)
    return EvaluationReport(
        success_rate=successes / len(episodes),
        success_interval=wilson_interval(successes, len(episodes)),
        episodes=len(episodes),
        final_distance_m=_statistics([episode.distance for episode in episodes]),
        time_to_success_s=_statistics([e.duration for e in episodes if e.success]),
    )


def wilson_interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """
    Give the score interval of a success probability (Wilson 1927).

    :param successes: number of successes.
    :param trials: number of trials, at least 1.
    """
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2) ** 2
    rate = successes / trials
    middle = (rate + z2 / (2 * trials)) / (1 + z2 / trials)
    half = math.sqrt(z2 * (rate * (1 - rate) / trials + z2 / (4 * trials**2))) / (1 + z2 / trials)
    # The interval holds the rate; without this, rounding puts a rate of 1 outside.
    return min(rate, max(0.0, middle - half)), max(rate, min(1.0, middle + half))


def _statistics(values: Sequence[float]) -> dict[str, float]:
    if not values:
        return dict.fromkeys(('mean', 'median', 'p95'), math.nan)
    return {
        'mean': float(np.mean(values)),
        'median': float(np.median(values)),
        'p95': float(np.percentile(values, 95)),
    }
