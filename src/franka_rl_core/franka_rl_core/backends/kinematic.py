# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Arms without physics, all in one batch of PyTorch: on the CPU or a GPU, and differentiable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from franka_rl_core.backends.base import BATCHED, DIFFERENTIABLE, ArithmeticBackend
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import RobotState
from franka_rl_core.torch_arrays import TorchArrays, check_memory

# Memory that may be needed. An environment alone takes a quarter of it at its peak
# (``franka-rl bench --only memory``); the rest is for what learns in it.
BYTES_PER_WORLD = {'float32': 8_000, 'float64': 16_000}


class KinematicBackend(ArithmeticBackend):
    """
    N arms that go straight to their targets, as far as position and velocity limits let them.

    There are no forces, no inertia and no contact. What an arm can do is kept realistic by the
    safety chain in front of it, which bounds the acceleration.

    :param device: ``'cpu'``, ``'cuda'``, ``'cuda:1'``, …
    :param dtype: ``'float32'`` or ``'float64'``.
    :raises RefusedError: there is no such device or type, or the worlds do not fit into its memory.
    """

    name = 'kinematic'
    capabilities = frozenset({BATCHED, DIFFERENTIABLE})
    resets_exactly = True

    def __init__(
        self,
        model: RobotModel,
        num_worlds: int = 1,
        control_period_s: float = 0.04,
        *,
        device: str = 'cpu',
        dtype: str = 'float32',
    ) -> None:
        self.check_worlds(num_worlds, {'device': device, 'dtype': dtype})
        super().__init__(model, num_worlds, control_period_s, TorchArrays(device, dtype))

    @classmethod
    def check_worlds(cls, num_worlds: int, options: Mapping[str, Any]) -> None:
        """See :meth:`Backend.check_worlds`."""
        dtype = options.get('dtype', 'float32')
        arrays = TorchArrays(options.get('device', 'cpu'), dtype)
        check_memory(num_worlds, arrays.device, BYTES_PER_WORLD[dtype])

    def detach(self) -> RobotState:
        """See :meth:`Backend.detach`."""
        state = self.state
        self.state = RobotState(
            state.joint_position.detach(), state.joint_velocity.detach(), state.stamp_ns
        )
        return self.state
