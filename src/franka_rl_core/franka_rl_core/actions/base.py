# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of an action decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState


class ActionDecoder(ABC):
    """
    Turns actions in [-1, 1] into joint targets.

    :param model: the arm.
    :param scale: displacement that an action of 1 asks for in one control period, in :attr:`unit`.
    :param arrays: where actions and states live.
    """

    #: Name under which the registry finds it: the name of its module.
    name: ClassVar[str]
    #: Number of values of one action.
    size: ClassVar[int]
    #: Unit of the scale.
    unit: ClassVar[str]
    #: Scale if none is given.
    default_scale: ClassVar[float]

    def __init__(
        self, model: RobotModel, scale: float | None = None, arrays: Arrays = NUMPY
    ) -> None:
        self.model = model
        self.arrays = arrays
        self.scale = self.default_scale if scale is None else scale

    @abstractmethod
    def decode(self, action: Array, arm: ArmState) -> Array:
        """
        Decode a batch of actions; finite values beyond [-1, 1] count as -1 or 1.

        :param action: (N, size). A row that is not finite gives a target that is not finite, which
            the safety chain turns into a hold.
        :param arm: state of the N arms the action was chosen in.
        :returns: (N, 7) joint targets for the end of the control period [rad].
        """

    def displacement(self, action: Array) -> Array:
        """Give the displacement that the action asks for: (N, size) in :attr:`unit`."""
        xp, dtype = self.arrays.xp, self.arrays.dtype
        limited = xp.minimum(xp.maximum(xp.astype(action, dtype, copy=False), -1.0), 1.0)
        return xp.where(xp.isfinite(action), limited * self.scale, float('nan'))
