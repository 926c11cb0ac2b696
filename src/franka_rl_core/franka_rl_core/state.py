# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The state of N arms at one instant: what a backend returns, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TypeVar

from franka_rl_core.arrays import Array, Arrays


@dataclass(frozen=True, eq=False)
class RobotState:
    """
    Measured joint state of N worlds, joints in the order of ``RobotModel.joint_names``.

    The types below are NumPy's; real numbers of PyTorch are of the backend's choice.

    Instances are not compared with ``==``, because their fields are arrays.
    """

    #: (N, 7) float64, joint positions [rad]
    joint_position: Array
    #: (N, 7) float64, joint velocities [rad/s]
    joint_velocity: Array
    #: (N,) int64, time of measurement on the backend's clock [ns]
    stamp_ns: Array


@dataclass(frozen=True, eq=False)
class ArmState(RobotState):
    """
    A robot state and the forward kinematics of its tool, see ``RobotModel.arm_state``.

    The tool is the frame ``RobotModel.tool_frame`` (the point between the finger tips); every
    Cartesian quantity is that of the tool, expressed in ``RobotModel.base_frame``.
    """

    #: (N, 3) float64, tool position in base [m]
    tool_position: Array
    #: (N, 3, 3) float64, rotation from tool to base; its columns are the tool's axes in base
    tool_rotation: Array
    #: (N, 3) float64, linear velocity of the tool in base [m/s]
    tool_velocity: Array
    #: (N, 6, 7) float64, geometric Jacobian: rows 0-2 linear [m/rad], rows 3-5 angular [1]
    jacobian: Array


State = TypeVar('State', bound=RobotState)


def as_numpy(state: State, arrays: Arrays) -> State:
    """Give a state in NumPy's arrays, by a copy of those of another library."""
    values = {field.name: arrays.numpy(getattr(state, field.name)) for field in fields(state)}
    return type(state)(**values)
