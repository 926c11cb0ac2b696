# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The contract of an action decoder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import ArmState


class ActionDecoder(ABC):
    """
    Turns actions in [-1, 1] into joint targets.

    :param model: the arm.
    :param scale: displacement that an action of 1 asks for in one control period, in :attr:`unit`.
    """

    #: Name under which the registry finds it: the name of its module.
    name: ClassVar[str]
    #: Number of values of one action.
    size: ClassVar[int]
    #: Unit of the scale.
    unit: ClassVar[str]
    #: Scale if none is given.
    default_scale: ClassVar[float]

    def __init__(self, model: RobotModel, scale: float | None = None) -> None:
        self.model = model
        self.scale = self.default_scale if scale is None else scale

    @abstractmethod
    def decode(self, action: NDArray[Any], arm: ArmState) -> NDArray[np.float64]:
        """
        Decode a batch of actions; finite values beyond [-1, 1] count as -1 or 1.

        :param action: (N, size). A row that is not finite gives a target that is not finite, which
            the safety chain turns into a hold.
        :param arm: state of the N arms the action was chosen in.
        :returns: (N, 7) joint targets for the end of the control period [rad].
        """

    def displacement(self, action: NDArray[Any]) -> NDArray[np.float64]:
        """Give the displacement that the action asks for: (N, size) in :attr:`unit`."""
        limited = np.minimum(np.maximum(action, -1.0), 1.0)
        asked: NDArray[np.float64] = np.multiply(limited, self.scale, dtype=np.float64)
        return np.where(np.isfinite(action), asked, np.nan)
