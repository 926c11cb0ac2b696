# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The lock-step face of the simulator: services that step and reset all worlds."""

from __future__ import annotations

from typing import Any

import numpy as np
from rclpy.node import Node

from franka_rl_core.backends.base import Backend
from franka_rl_core.state import RobotState, as_numpy
from franka_rl_interfaces.srv import DescribeWorlds, ResetWorlds, StepWorlds
from franka_rl_nodes.conversions import from_field, state_to_fields


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
        node.create_service(StepWorlds, '~/step_worlds', self._on_step)
        node.create_service(ResetWorlds, '~/reset_worlds', self._on_reset)

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
        else:
            self._sequence = request.sequence
            self.steps += 1
            targets = from_field(request.joint_target, 'float64', count, 7)
            self._write(self._backend.step(targets), response)
        return response

    def _on_reset(
        self, request: ResetWorlds.Request, response: ResetWorlds.Response
    ) -> ResetWorlds.Response:
        count = self._backend.num_worlds
        worlds = list(request.worlds) or list(range(count))
        if max(worlds) >= count:
            response.error = f'there is no world {max(worlds)}, there are {count}'
        elif len(request.joint_position) != 7 * len(worlds):
            response.error = (
                f'joint_position must hold {len(worlds)} × 7 values, '
                f'not {len(request.joint_position)}'
            )
        elif not np.isfinite(request.joint_position).all():
            response.error = 'joint_position is not finite'
        else:
            self._sequence = request.sequence
            postures = from_field(request.joint_position, 'float64', len(worlds), 7)
            self._write(self._backend.reset(postures, worlds), response)
        return response

    def _write(self, state: RobotState, response: Any) -> None:
        state_to_fields(as_numpy(state, self._backend.arrays), response)
