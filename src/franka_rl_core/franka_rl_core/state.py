# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The state of N arms at one instant: what a backend returns, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RobotState:
    """
    Measured joint state of N worlds, joints in the order of ``RobotModel.joint_names``.

    Instances are not compared with ``==``, because their fields are arrays.
    """

    #: (N, 7) float64, joint positions [rad]
    joint_position: NDArray[np.float64]
    #: (N, 7) float64, joint velocities [rad/s]
    joint_velocity: NDArray[np.float64]
    #: (N,) int64, time of measurement on the backend's clock [ns]
    stamp_ns: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ArmState(RobotState):
    """
    A robot state and the forward kinematics of its tool, see ``RobotModel.arm_state``.

    The tool is the frame ``RobotModel.tool_frame`` (the point between the finger tips); every
    Cartesian quantity is that of the tool, expressed in ``RobotModel.base_frame``.
    """

    #: (N, 3) float64, tool position in base [m]
    tool_position: NDArray[np.float64]
    #: (N, 3, 3) float64, rotation from tool to base; its columns are the tool's axes in base
    tool_rotation: NDArray[np.float64]
    #: (N, 3) float64, linear velocity of the tool in base [m/s]
    tool_velocity: NDArray[np.float64]
    #: (N, 6, 7) float64, geometric Jacobian: rows 0-2 linear [m/rad], rows 3-5 angular [1]
    jacobian: NDArray[np.float64]
