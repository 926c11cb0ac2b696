# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""ikpy: arms without physics, by the kinematics library that is made for one arm at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.actions.base import ActionDecoder
from franka_rl_core.actions.ee import EeDecoder
from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import ArithmeticBackend, Decode
from franka_rl_core.ikpy_chain import IkpyChain
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState, RobotState


class IkpyBackend(ArithmeticBackend):
    """
    N arms that go straight to their targets, as far as position and velocity limits let them.

    There are no forces, no inertia and no contact. ikpy's chain is built from our URDF; its forward
    kinematics is computed in every step, one arm after the other, and its inverse kinematics does
    ``ee`` control (some milliseconds for each arm and step) and finds postures for goals.
    """

    name = 'ikpy'
    resets_exactly = True

    def __init__(
        self, model: RobotModel, num_worlds: int = 1, control_period_s: float = 0.04
    ) -> None:
        super().__init__(model, num_worlds, control_period_s)
        self._chain = IkpyChain(model)
        #: (N, 3) where ikpy has the tools, in base [m]
        self.tool_position = self.forward_kinematics(self.state.joint_position)

    @classmethod
    def decoding(cls, decoder: ActionDecoder) -> Decode:
        """See :meth:`Backend.decoding`; ``ee`` control is solved by ikpy."""
        return _EeByIkpy(decoder) if isinstance(decoder, EeDecoder) else decoder.decode

    def reset(
        self, joint_position: Array, worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        state = super().reset(joint_position, worlds)
        rows = slice(None) if worlds is None else worlds
        self.tool_position = self.tool_position.copy()
        self.tool_position[rows] = self.forward_kinematics(state.joint_position[rows])
        return state

    def step(self, joint_target: Array) -> RobotState:
        """See :meth:`Backend.step`."""
        state = super().step(joint_target)
        self.tool_position = self.forward_kinematics(state.joint_position)
        return state

    def forward_kinematics(self, joint_position: Array) -> NDArray[np.float64]:
        """See :meth:`Backend.forward_kinematics`."""
        return self._chain.tool_position(np.asarray(joint_position))

    def inverse_kinematics(self, tool_position: Array, joint_position: Array) -> Array:
        """See :meth:`Backend.inverse_kinematics`."""
        return self._chain.inverse(np.asarray(tool_position), np.asarray(joint_position))


class _EeByIkpy:
    """Gives the joint positions at which ikpy has the tool where an action of ``ee`` asks for."""

    def __init__(self, decoder: EeDecoder) -> None:
        self._decoder = decoder
        self._chain = IkpyChain(decoder.model)

    def __call__(self, action: Array, arm: ArmState) -> Array:
        """See :meth:`ActionDecoder.decode`."""
        asked = self._decoder.displacement(action)
        target = np.full_like(arm.joint_position, np.nan)
        (finite,) = np.nonzero(np.isfinite(asked).all(axis=1))
        if len(finite):
            goal = arm.tool_position[finite] + asked[finite]
            start = arm.joint_position[finite]
            target[finite] = self._chain.inverse(goal, start, self._decoder.upright)
        return target
