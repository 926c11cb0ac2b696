# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The guard's action ``~/move_joints``: ways to postures, home among them."""

from __future__ import annotations

import threading
import time

import numpy as np
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.guard.guard import Guard
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Reason
from franka_rl_interfaces.action import MoveJoints
from franka_rl_nodes.guard_operations import Operations

# An arm follows its stream to so near [rad], within this time [s].
_FOLLOWED_RAD, _FOLLOWED_S = 0.005, 1.0
# A computer that was busy for a moment has stopped the arm: it may go on, so often in all.
_ATTEMPTS = 3
_PASSING = (Reason.STALLED, Reason.STALE_STATE)


class Moves:
    """
    Serves the action.

    :param node: the guard's node.
    :param model: the arm.
    :param guard: what moves it.
    :param lock: of the guard.
    :param operations: know whether it is armed.
    """

    def __init__(
        self,
        node: Node,
        model: RobotModel,
        guard: Guard,
        lock: threading.RLock,
        operations: Operations,
    ) -> None:
        self._node, self._model = node, model
        self._guard, self._lock, self._ops = guard, lock, operations
        self._server = ActionServer(
            node,
            MoveJoints,
            '~/move_joints',
            self._move,
            callback_group=ReentrantCallbackGroup(),
            goal_callback=lambda _: GoalResponse.ACCEPT,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )

    async def _move(self, handle: ServerGoalHandle) -> MoveJoints.Result:
        posture = np.array(handle.request.joint_position or self._model.home, np.float64)
        try:
            problem = await self._moved(handle, posture)
        except RefusedError as error:
            problem = str(error)
        if handle.is_cancel_requested:
            handle.canceled()
        elif problem:
            handle.abort()
        else:
            handle.succeed()
        return MoveJoints.Result(success=not problem, message=problem)

    async def _moved(self, handle: ServerGoalHandle, posture: np.ndarray) -> str:
        """Follow a motion to a posture; give '' or why it did not arrive."""
        if posture.shape != self._model.home.shape or not np.isfinite(posture).all():
            raise RefusedError(f'a posture has {len(self._model.home)} numbers, not {posture}')
        if not self._ops.accepts:
            raise RefusedError('the guard is not armed: call its service ~/arm first')
        for _ in range(_ATTEMPTS):
            await self._go(handle, posture)
            if handle.is_cancel_requested:
                return 'cancelled'
            if self._has_arrived(posture):
                await self._be_followed(posture)
                return ''
            if self._guard.reason not in _PASSING:
                break
        return f'stopped on the way: {self._guard.reason.name.lower()}'

    async def _go(self, handle: ServerGoalHandle, posture: np.ndarray) -> None:
        """Go until the way ends, or is left."""
        with self._lock:
            self._guard.stand_still()
        while not self._ops.rests():
            await self._after(0.02)
        # Not under the lock: it takes as long as some ticks.
        way = self._guard.way_to(posture, handle.request.speed)
        with self._lock:
            end = time.monotonic() + self._guard.set_out(way)
        while self._guard.on_its_way:
            if handle.is_cancel_requested:
                with self._lock:
                    self._guard.stand_still()
                return
            remaining = max(end - time.monotonic(), 0.0)
            handle.publish_feedback(MoveJoints.Feedback(phase='moving', remaining=remaining))
            await self._after(min(0.1, remaining + 0.005))

    def _has_arrived(self, posture: np.ndarray) -> bool:
        with self._lock:
            return bool(np.abs(self._guard.last_command - posture).max() < 1e-6)

    async def _be_followed(self, posture: np.ndarray) -> None:
        """Give the arm time to come to where its stream is."""
        deadline = time.monotonic() + _FOLLOWED_S
        while time.monotonic() < deadline:
            measured = self._guard.monitor.position
            if measured is not None and np.abs(measured - posture).max() < _FOLLOWED_RAD:
                return
            await self._after(0.01)

    async def _after(self, seconds: float) -> None:
        future = Future(executor=self._node.executor)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        timer = self._node.create_timer(seconds, lambda: future.set_result(None), clock=steady)
        await future
        self._node.destroy_timer(timer)
