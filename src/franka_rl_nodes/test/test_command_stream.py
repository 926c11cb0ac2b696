# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Trajectories that arrive late lead an arm that is as strict as Franka's all the same."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pytest

pytest.importorskip('rclpy')

from franka_rl_core.fci.driver import FrankaDriver
from franka_rl_core.fci.trajectory import TrajectoryPoint
from franka_rl_core.guard.guard import Guard
from franka_rl_core.robot_model import load_robot
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.state import RobotState
from franka_rl_core.tasks.reach import START
from franka_rl_nodes.command_stream import TrajectoryStream
from franka_rl_nodes.conversions import stamp_from_msg

pytestmark = pytest.mark.real_time

TICK = 0.001


class Outbox:
    """Stands in for the guard's node, and keeps what is published until it arrives."""

    def __init__(self, late_ticks: int) -> None:
        self._random, self._late = np.random.default_rng(0), late_ticks
        self.waiting: deque[tuple[int, Any]] = deque()
        self.tick = 0

    def create_publisher(self, *_: Any) -> Outbox:
        return self

    def publish(self, message: Any) -> None:
        late = int(self._random.integers(0, self._late + 1))
        self.waiting.append((self.tick + late, message))

    def arrived(self) -> list[Any]:
        messages = []
        while self.waiting and self.waiting[0][0] <= self.tick:
            messages.append(self.waiting.popleft()[1])
        return messages


def points(message: Any) -> list[TrajectoryPoint]:
    return [
        TrajectoryPoint(
            stamp_from_msg(p.time_from_start), p.positions, p.velocities, p.accelerations
        )
        for p in message.points
    ]


@pytest.mark.parametrize('robot', ['panda', 'fr3'])
@pytest.mark.parametrize('policy_hz', [10, 25, 100])
@pytest.mark.parametrize('late_ticks', [0, 10, 25])
def test_late_trajectories_cause_no_reflex(robot: str, policy_hz: int, late_ticks: int) -> None:
    model, random, period = load_robot(robot), np.random.default_rng(1), 1.0 / policy_hz
    guard = Guard(model, SafetyChain(model, period), period, None, TrajectoryStream.lead_s, True)
    driver, outbox = FrankaDriver(model), Outbox(late_ticks)
    stream = TrajectoryStream(outbox, model.joint_names)  # type: ignore[arg-type]
    driver.reset(START)
    driver.activate('joint_trajectory', round(1e9 * 100.0))
    velocity, now, used = np.zeros(7), 100.0, []
    stream._clock.stamp_ns = lambda time: round(1e9 * time)  # type: ignore[method-assign]
    for tick in range(3000):
        outbox.tick, stamp = tick, round(1e9 * now)
        position = driver.arm.joint_position.copy()
        guard.monitor.observe(
            RobotState(position[None], np.zeros((1, 7)), np.array([stamp])), now
        )
        if tick == 0:
            guard.arm(now)
        if tick % 400 == 0:
            velocity = 0.4 * random.standard_normal(7)
        if tick and tick % (1000 // policy_hz) == 0:
            guard.propose(guard.last_command + velocity * period, tick, now, now)
        sample = guard.command(now)
        assert sample is not None and guard.motion is not None
        stream.send(sample, guard.motion, now)
        for message in outbox.arrived():
            sent = stamp_from_msg(message.header.stamp)
            assert driver.on_trajectory(message.joint_names, points(message), sent, stamp) == ''
        driver.step(stamp)
        used.append(np.abs(driver.reference - sample.position).max())
        now += TICK
    assert driver.arm.errors == ()
    assert np.abs(driver.arm.joint_position - START).max() > 0.1  # it was led somewhere
    assert np.median(used) < 0.02  # where the guard wanted it
