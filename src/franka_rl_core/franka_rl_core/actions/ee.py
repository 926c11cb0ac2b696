# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""End-effector control: an action is a displacement of the tool; its orientation is held."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.actions.base import ActionDecoder
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState, RobotState

# Damping of the least squares: bounds the joint motion near singular postures, where the singular
# values of the Jacobian go below it, and costs under 1 % of the displacement at the usual postures
# (singular values above 0.2).
DAMPING = 0.02
# Share of the way back to the home posture that the redundant joint motion takes in one control
# period.
POSTURE_GAIN = 0.02


class EeDecoder(ActionDecoder):
    """
    Three displacements of the tool along the axes of the robot base; panda-gym's scale of 0.05 m.

    One step of damped least squares (Wampler 1986, Nakamura and Hanafusa 1986) from the measured
    posture:

        dq = z + Jᵀ (J Jᵀ + λ² I)⁻¹ (e − J z),    z = k (q_home − q)

    where e holds the displacement and the rotation back to the tool's orientation at the home
    posture (pointing down), and z draws the redundant motion to the home posture.
    """

    name = 'ee'
    size = 3
    unit = 'm'
    default_scale = 0.05

    def __init__(self, model: RobotModel, scale: float | None = None) -> None:
        super().__init__(model, scale)
        at_home = RobotState(model.home[None, :], np.zeros((1, 7)), np.zeros(1, np.int64))
        self._upright = model.arm_state(at_home).tool_rotation[0]
        self._damping = DAMPING**2 * np.eye(6)

    def decode(self, action: NDArray[Any], arm: ArmState) -> NDArray[np.float64]:
        """See :meth:`ActionDecoder.decode`."""
        error = np.concatenate([self.displacement(action), self._rotation_error(arm)], axis=1)
        jacobian = arm.jacobian
        transposed = jacobian.transpose(0, 2, 1)
        posture = POSTURE_GAIN * (self.model.home - arm.joint_position)
        rest = error[:, :, None] - jacobian @ posture[:, :, None]
        solution = np.linalg.solve(jacobian @ transposed + self._damping, rest)
        return arm.joint_position + posture + (transposed @ solution)[:, :, 0]

    def _rotation_error(self, arm: ArmState) -> NDArray[np.float64]:
        """Rotation vector from the tool's orientation to upright, times sin(θ)/θ: (N, 3) [rad]."""
        # Half the sum of the cross products of the axes (Luh, Walker and Paul 1980), which is in
        # the antisymmetric part of the rotation between them.
        between = self._upright @ arm.tool_rotation.transpose(0, 2, 1)
        twice: NDArray[np.float64] = (
            between[:, (2, 0, 1), (1, 2, 0)] - between[:, (1, 2, 0), (2, 0, 1)]
        )
        return 0.5 * twice
