# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Steps of the arm behind the guard take real time, and what the agent needs is part of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from conftest import wait_until
from rclpy.context import Context

from franka_rl_core.robot_model import load_robot
from franka_rl_nodes.conversions import stamp_from_msg
from franka_rl_nodes.guard_backend import GuardBackend

pytestmark = pytest.mark.real_time

PERIOD = 0.2
MODEL = load_robot('panda')


def heard(robot: Any, count: int = 1) -> int:
    """Give the stamp of the newest target, when so many have come [ns]."""
    assert wait_until(lambda: len(robot.targets) >= count, 5.0)
    return stamp_from_msg(robot.targets[-1].header.stamp)


@pytest.fixture
def backend(robot: Any, context: Context) -> Iterator[GuardBackend]:
    """Begin an episode without a guard that would bring the arm to its start."""
    backend = GuardBackend(MODEL, PERIOD, arms=False, context=context)
    assert wait_until(lambda: backend._targets.get_subscription_count() > 0)
    backend._state = backend._at_rest()
    yield backend
    backend.close()


def stamp(backend: GuardBackend) -> int:
    assert backend._state is not None
    return int(backend._state.stamp_ns[0])


def test_what_the_agent_needs_is_part_of_the_period(backend: GuardBackend, robot: Any) -> None:
    first = stamp(backend)
    for _ in range(3):
        time.sleep(0.4 * PERIOD)
        backend.step(MODEL.home[None])
    assert stamp(backend) - first == pytest.approx(3e9 * PERIOD, abs=0.2e9 * PERIOD)
    assert backend.overruns == 0


def test_a_late_target_has_a_whole_period_to_show(backend: GuardBackend, robot: Any) -> None:
    time.sleep(1.6 * PERIOD)
    called = time.time_ns()
    backend.step(MODEL.home[None])
    assert stamp(backend) - called > 0.9e9 * PERIOD
    assert backend.overruns == 1
    backend.step(MODEL.home[None])
    assert backend.overruns == 1


def test_what_was_seen_of_an_arm_that_rests_does_not_grow_old(
    backend: GuardBackend, robot: Any
) -> None:
    """Between episodes an agent may learn for seconds."""
    time.sleep(3 * PERIOD)
    called = time.time_ns()
    backend.step(MODEL.home[None])
    assert called - heard(robot) < 0.05e9


def test_what_was_seen_of_an_arm_that_moves_does(backend: GuardBackend, robot: Any) -> None:
    robot.velocity = np.full(7, 0.1)
    backend.step(MODEL.home[None])
    seen = stamp(backend)
    time.sleep(3 * PERIOD)
    backend.step(MODEL.home[None])
    assert heard(robot, 2) == seen
