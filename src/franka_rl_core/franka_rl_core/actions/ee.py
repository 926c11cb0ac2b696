# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""End-effector control: an action is a displacement of the tool; its orientation is held."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.actions.base import ActionDecoder
from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.columns import Scalar, evaluate, total
from franka_rl_core.kinematics import damped_least_squares, tool_displacement
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

    def __init__(
        self, model: RobotModel, scale: float | None = None, arrays: Arrays = NUMPY
    ) -> None:
        super().__init__(model, scale, arrays)
        at_home = RobotState(model.home[None, :], np.zeros((1, 7)), np.zeros(1, np.int64))
        upright = model.arm_state(at_home).tool_rotation[0]
        #: (3, 3) the orientation that the tool is held in, without what is left of cos(pi/2)
        self.upright = np.where(np.abs(upright) < 1e-12, 0.0, upright)
        pairs = ((2, 1), (0, 2), (1, 0))
        self._rotation_terms = [_cross_terms(self.upright, *axes) for axes in pairs]
        self._home = arrays.constant(model.home)

    def decode(self, action: Array, arm: ArmState) -> Array:
        """See :meth:`ActionDecoder.decode`."""
        xp, asked = self.arrays.xp, self.displacement(action)
        finite = xp.isfinite(asked)
        # What is not finite is put in at the end: its gradients must not spoil those of the others.
        errors = (xp.where(finite, asked, 0.0), self._rotation_error(arm))
        posture = POSTURE_GAIN * (self._home - arm.joint_position)
        rest = xp.concat(errors, axis=1) - tool_displacement(arm.jacobian, posture)
        motion = damped_least_squares(arm.jacobian, rest, DAMPING)
        target = arm.joint_position + posture + motion
        return xp.where(xp.all(finite, axis=1)[:, None], target, float('nan'))

    def _rotation_error(self, arm: ArmState) -> Array:
        """Rotation vector from the tool's orientation to upright, times sin(θ)/θ: (N, 3) [rad]."""
        rows = self.arrays.xp.reshape(arm.tool_rotation, (-1, 9))
        return evaluate(self._rotation_values, rows)

    def _rotation_values(self, rotation: Sequence[Scalar]) -> Sequence[Scalar]:
        return [
            total([weight * rotation[index] for index, weight in terms])
            for terms in self._rotation_terms
        ]


def _cross_terms(upright: NDArray[np.float64], i: int, j: int) -> list[tuple[int, float]]:
    """
    List what makes up a component of the rotation error: places in the rotation, and weights.

    The error is half the sum of the cross products of the axes (Luh, Walker and Paul 1980), which
    is in the antisymmetric part of the rotation between them.
    """
    weights = np.zeros((3, 3))
    weights[j] += 0.5 * upright[i]
    weights[i] -= 0.5 * upright[j]
    return [(place, weight) for place, weight in enumerate(weights.ravel().tolist()) if weight]
