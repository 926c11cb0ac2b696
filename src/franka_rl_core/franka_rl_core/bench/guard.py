# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``guard``: how long the guard computes for a sample of its 1 kHz stream."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.guard.guard import Guard
from franka_rl_core.robot_model import load_robot
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.state import RobotState
from franka_rl_core.tasks.reach import START

TICK_S = 0.001
SECONDS = 60
POLICY_HZ = (10, 25, 50, 100)
# The arm is driven somewhere else so often [s], with such velocities [rad/s].
_TURN_S = 0.5
_SPEED = 0.3


def measure(options: BenchOptions) -> Iterator[Row]:
    """Measure ticks of an arm that is driven to and fro by policies of several rates."""
    seconds = SECONDS // 10 if options.quick else SECONDS
    for policy_hz in POLICY_HZ:
        times = 1e6 * np.array(_ticks('fr3', 1.0 / policy_hz, seconds))
        settings = {'robot': 'fr3', 'policy_hz': policy_hz, 'ticks': len(times)}
        settings['time'] = 'of the processor'
        for percentile in (50, 99):
            value = float(np.percentile(times, percentile))
            yield Row(f'guard_us/p{percentile}/{policy_hz}', value, 'µs', settings=settings)


def _ticks(robot: str, period: float, seconds: float) -> list[float]:
    """Give the processor time of every tick [s]: a joint state is taken, a sample given."""
    model, random = load_robot(robot), np.random.default_rng(0)
    guard = Guard(model, SafetyChain(model, period), period)
    every = round(period / TICK_S)
    position, velocity, now, times = START, np.zeros(7), 100.0, []
    for tick in range(round(seconds / TICK_S)):
        if tick % round(_TURN_S / TICK_S) == 0:
            velocity = _SPEED * random.standard_normal(7)
        if tick and tick % every == 0:
            guard.propose(position + velocity * period, tick, now, now)
        start = time.thread_time()
        state = RobotState(position[None], velocity[None], np.array([round(1e9 * now)]))
        guard.monitor.observe(state, now)
        sample = guard.command(now)
        times.append(time.thread_time() - start)
        if sample is None:
            guard.arm(now)
        else:
            position = sample.position
        now += TICK_S
    return times
