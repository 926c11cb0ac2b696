# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
How speeds are measured and compared.

Candidates are measured in turn, so that a noisy machine disturbs all alike, and compared by the
median of the ratios of the rounds.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from franka_rl_core.bench.row import Row


def rounds(candidates: Mapping[str, Callable[[], float]], count: int) -> dict[str, list[float]]:
    """Measure every candidate ``count`` times, in turn."""
    measured: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(count):
        for name, measure in candidates.items():
            measured[name].append(measure())
    return measured


def rate(
    step: Callable[[Any], object],
    inputs: Sequence[Any],
    per_step: int,
    seconds: float,
    finish: Callable[[], None] = lambda: None,
) -> Callable[[], float]:
    """
    Give a function that measures how much is done per second.

    :param inputs: of the steps, used in turn.
    :param per_step: what one step does.
    :param seconds: duration of a measurement [s].
    :param finish: waits for the last step, on devices that work behind the program's back.
    """

    def measure() -> float:
        count, start = 0, time.perf_counter()
        for item in itertools.cycle(inputs):
            step(item)
            count += 1
            if time.perf_counter() - start >= seconds:
                break
        finish()
        return count * per_step / (time.perf_counter() - start)

    return measure


def median_seconds(step: Callable[[Any], object], inputs: Sequence[Any]) -> Callable[[], float]:
    """Give a function that measures the median duration of a step [s], with each input once."""

    def measure() -> float:
        return float(np.median(durations(step, inputs)))

    return measure


def durations(step: Callable[[Any], object], inputs: Sequence[Any]) -> list[float]:
    """Measure each step [s]."""
    times = []
    for item in inputs:
        start = time.perf_counter()
        step(item)
        times.append(time.perf_counter() - start)
    return times


def rate_row(
    name: str,
    unit: str,
    measured: Mapping[str, list[float]],
    settings: Mapping[str, Any],
) -> Row:
    """
    Make the row of a rate: more is better.

    :param measured: of :func:`rounds`; the first candidate is ours, the second, if any, the peer.
    """
    (ours, *_), values = measured, list(measured.values())
    settings = {**settings, 'rounds': values[0]}
    if len(values) == 1:
        return Row(name, statistics.median(values[0]), unit, settings=settings)
    peer = next(key for key in measured if key != ours)
    return Row(
        name,
        statistics.median(values[0]),
        unit,
        peer,
        statistics.median(values[1]),
        statistics.median(a / b for a, b in zip(*values, strict=True)),
        {**settings, 'peer_rounds': values[1]},
    )
