# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The lock-step face of the simulator: services that step and reset all worlds."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rclpy.node import Node

from franka_rl_core.backends.base import Backend
from franka_rl_core.state import RobotState, as_numpy
from franka_rl_interfaces.srv import DescribeWorlds, ResetWorlds, StepWorlds
from franka_rl_nodes.conversions import from_field, state_to_fields
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
        elif len(request.joint_target) != 7 * count:
            response.error = (
                f'joint_target must hold {count} × 7 values, not {len(request.joint_target)}'
            )
        elif not np.isfinite(request.joint_target).all():
            response.error = 'joint_target is not finite'
        elif error := resets.error(count):
            response.error = error
        else:
            self._sequence = request.sequence
            self.steps += 1
            if resets.worlds:
                self._backend.reset(resets.postures(), resets.worlds)
            targets = from_field(request.joint_target, 'float64', count, 7)
            self._write(self._backend.step(targets), response)
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
        state_to_fields(as_numpy(state, self._backend.arrays), response)


class _Resets:
    """Worlds to put back, and their postures (M, 7) as a flat field."""

    def __init__(self, worlds: Iterable[int], position: Any) -> None:
        self.worlds, self._position = list(worlds), position

    def error(self, count: int) -> str:
        """Say what is wrong with them for so many worlds; nothing if empty."""
        if self.worlds and max(self.worlds) >= count:
            return f'there is no world {max(self.worlds)}, there are {count}'
        if len(self._position) != 7 * len(self.worlds):
            expected = f'{len(self.worlds)} × 7 values'
            return f'postures to put back to must hold {expected}, not {len(self._position)}'
        return '' if np.isfinite(self._position).all() else 'a posture to put back to is not finite'

    def postures(self) -> NDArray[np.float64]:
        """Give the postures, (M, 7) [rad]."""
        return from_field(self._position, 'float64', -1, 7)
