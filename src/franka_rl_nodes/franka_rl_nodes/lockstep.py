# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The lock-step face of the simulator: services that step and reset all worlds."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node

from franka_rl_core.backends.base import Backend
from franka_rl_core.state import RobotState
from franka_rl_interfaces.msg import Numbers
from franka_rl_interfaces.srv import DescribeWorlds, ResetWorlds, StepWorlds
from franka_rl_nodes.conversions import from_components, from_numbers, state_to_fields
from franka_rl_nodes.direct_service import DirectService


class LockStep:
    """
    Serves ``~/describe_worlds``, ``~/step_worlds`` and ``~/reset_worlds``.

    Nothing moves between two calls. Requests are numbered, so that a lost, repeated or foreign
    one is refused instead of stepping twice.

    :param node: the node.
    :param backend: what is stepped.
    :param name: name of the backend.
    """

    def __init__(self, node: Node, backend: Backend, name: str) -> None:
        self._backend = backend
        self._name = name
        self._sequence = 0
        self.steps = 0
        node.create_service(DescribeWorlds, '~/describe_worlds', self._on_describe)
        self._lock = threading.Lock()  # of the backend
        node.create_service(ResetWorlds, '~/reset_worlds', self._on_reset)
        self._service = DirectService(node, StepWorlds, '~/step_worlds', self._on_step, self._lock)

    def close(self) -> None:
        """Serve no more steps."""
        self._service.close()

    def _on_describe(
        self, request: DescribeWorlds.Request, response: DescribeWorlds.Response
    ) -> DescribeWorlds.Response:
        backend = self._backend
        response.robot = backend.model.name
        response.backend = self._name
        response.num_worlds = backend.num_worlds
        response.control_period = backend.control_period_s
        response.capabilities = sorted(backend.capabilities)
        return response

    def _on_step(
        self, request: StepWorlds.Request, response: StepWorlds.Response
    ) -> StepWorlds.Response:
        count = self._backend.num_worlds
        resets = _Resets(request.reset_worlds, request.reset_position)
        if request.sequence != self._sequence + 1:
            response.error = (
                f'step {request.sequence} is out of order, {self._sequence + 1} comes next'
            )
        elif error := _problem(request.joint_target, count) or resets.error(count):
            response.error = error
        else:
            self._sequence = request.sequence
            self.steps += 1
            if len(resets.worlds):
                self._backend.reset(resets.postures(), resets.worlds)
            self._write(self._backend.step(from_numbers(request.joint_target, 7)), response)
        return response

    def _on_reset(
        self, request: ResetWorlds.Request, response: ResetWorlds.Response
    ) -> ResetWorlds.Response:
        count = self._backend.num_worlds
        resets = _Resets(request.worlds or range(count), request.joint_position)
        if error := resets.error(count):
            response.error = error
        else:
            with self._lock:
                self._sequence = request.sequence
                self._write(self._backend.reset(resets.postures(), resets.worlds), response)
        return response

    def _write(self, state: RobotState, response: Any) -> None:
        view = self._backend.arrays.view
        position, velocity = view(state.joint_position), view(state.joint_velocity)
        state_to_fields(RobotState(position, velocity, view(state.stamp_ns)), response)


def _problem(target: Numbers, count: int) -> str:
    """Say what is wrong with the targets of so many worlds; nothing if empty."""
    values = target.single_precision or target.double_precision
    if len(values) != 7 * count:
        return f'joint_target must hold 7 × {count} values, not {len(values)}'
    return '' if np.isfinite(values).all() else 'joint_target is not finite'


class _Resets:
    """Worlds to put back, and their postures (7, M) as a flat field."""

    def __init__(self, worlds: Sequence[int], position: Any) -> None:
        self.worlds, self._position = np.asarray(worlds, np.int64), position

    def error(self, count: int) -> str:
        """Say what is wrong with them for so many worlds; nothing if empty."""
        if len(self.worlds) and self.worlds.max() >= count:
            return f'there is no world {self.worlds.max()}, there are {count}'
        if len(self._position) != 7 * len(self.worlds):
            expected = f'7 × {len(self.worlds)} values'
            return f'postures to put back to must hold {expected}, not {len(self._position)}'
        return '' if np.isfinite(self._position).all() else 'a posture to put back to is not finite'

    def postures(self) -> NDArray[np.float64]:
        """Give the postures, (M, 7) [rad]."""
        return from_components(self._position, 'float64', 7)
