# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Between messages and arrays: pairs, side by side."""

from __future__ import annotations

import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import yaml
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from numpy.typing import NDArray
from sensor_msgs.msg import JointState

from franka_rl_core.envs.config import EnvConfig, Parts
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.settings import build
from franka_rl_core.state import RobotState
from franka_rl_interfaces.msg import EnvSpec, JointTarget, Numbers, ObservationTerm

_CODES = {'float64': 'd', 'float32': 'f', 'int64': 'q', 'uint32': 'I', 'uint8': 'B'}


def to_field(values: Any, dtype: str) -> array.array[Any]:
    """Turn an array of any shape into the value of a numeric sequence field, by one memory copy."""
    field = array.array(_CODES[dtype])
    field.frombytes(np.ascontiguousarray(values, dtype).reshape(-1).view(np.uint8).data)
    return field


def from_field(field: Any, dtype: str, *shape: int) -> NDArray[Any]:
    """Turn the value of a numeric sequence field into an array that owns its memory."""
    return np.frombuffer(field, dtype).reshape(shape).copy()


def to_components(values: Any, dtype: str) -> array.array[Any]:
    """
    Turn an array (N, k) into a field that has one component of all after the other.

    So PyTorch's worlds lie in memory, see :mod:`franka_rl_core.columns`.
    """
    return to_field(values.T, dtype)


def from_components(field: Any, dtype: str, *shape: int) -> NDArray[Any]:
    """
    Turn what :func:`to_components` made into an array (N, k) again.

    :param shape: of one of the N.
    """
    return from_field(field, dtype, *reversed(shape), -1).T


def to_numbers(values: Any) -> Numbers:
    """Turn an array of real numbers, (N,) or (N, k), into a message, without rounding."""
    if values.dtype == np.float32:
        return Numbers(single_precision=to_components(values, 'float32'))
    return Numbers(double_precision=to_components(values, 'float64'))


def from_numbers(message: Numbers, *shape: int) -> NDArray[Any]:
    """Turn what :func:`to_numbers` made into an array again, as :func:`from_components`."""
    if message.single_precision:
        return from_components(message.single_precision, 'float32', *shape)
    return from_components(message.double_precision, 'float64', *shape)


def state_to_fields(state: RobotState, message: Any) -> None:
    """Write the state of N worlds, NumPy's arrays, into a response."""
    message.joint_position = to_numbers(state.joint_position)
    message.joint_velocity = to_numbers(state.joint_velocity)
    message.stamp = to_field(state.stamp_ns, 'int64')


def state_from_fields(message: Any) -> RobotState:
    """Read the state of N worlds from a response."""
    return RobotState(
        from_numbers(message.joint_position, 7),
        from_numbers(message.joint_velocity, 7),
        from_field(message.stamp, 'int64', -1),
    )


def stamp_to_msg(stamp_ns: int) -> Time:
    """Turn integer nanoseconds into a stamp."""
    return Time(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)


def stamp_from_msg(stamp: Time) -> int:
    """Turn a stamp into integer nanoseconds, which compare without rounding."""
    return int(stamp.sec) * 10**9 + int(stamp.nanosec)


def joint_state_to_msg(
    names: Sequence[str], position: Any, velocity: Any, stamp_ns: int
) -> JointState:
    """
    Make a joint state of one arm.

    :param position: (7,) [rad].
    :param velocity: (7,) [rad/s], or empty.
    """
    message = JointState(name=list(names))
    message.header.stamp = stamp_to_msg(stamp_ns)
    message.position = to_field(position, 'float64')
    message.velocity = to_field(velocity, 'float64')
    return message


def joint_state_from_msg(message: JointState, model: RobotModel) -> RobotState:
    """
    Read one arm's state, its joints found by name.

    :raises RefusedError: a joint or its value is missing; the message lists the expected names.
    """
    stamp = np.array([stamp_from_msg(message.header.stamp)])
    order = model.order(message.name)
    return RobotState(
        _ordered(message.position, order)[None], _ordered(message.velocity, order)[None], stamp
    )


def joint_position_from_msg(message: JointState | JointTarget, model: RobotModel) -> Any:
    """
    Read the positions of a command, (7,) [rad], its joints found by name.

    :raises RefusedError: as :func:`joint_state_from_msg`.
    """
    names = message.name if isinstance(message, JointState) else message.joint_names
    return _ordered(message.position, model.order(names))


def _ordered(values: Any, order: NDArray[np.intp]) -> NDArray[np.float64]:
    if len(values) <= order.max():
        raise RefusedError(f'{len(values)} values for {len(order)} joints')
    return np.asarray(values, np.float64)[order]


def goal_to_msg(goal: Any, frame: str, stamp_ns: int) -> PoseStamped:
    """Make a pose of a goal, which begins with a position [m]; its orientation says nothing."""
    message = PoseStamped()
    message.header.frame_id = frame
    message.header.stamp = stamp_to_msg(stamp_ns)
    position = message.pose.position
    position.x, position.y, position.z = (float(value) for value in goal[:3])
    return message


def goal_from_msg(message: PoseStamped) -> NDArray[np.float64]:
    """Read the position of a pose: (3,) [m]."""
    position = message.pose.position
    return np.array([position.x, position.y, position.z])


def spec_to_msg(config: EnvConfig, parts: Parts, real_time: bool) -> EnvSpec:
    """Describe an environment."""
    terms = [
        ObservationTerm(name=term.name, unit=term.unit, frame=term.frame, size=term.size)
        for term in parts.terms
    ]
    return EnvSpec(
        config=yaml.safe_dump(config.to_dict()),
        observation=terms,
        joint_names=list(parts.model.joint_names),
        real_time=real_time,
    )


def spec_from_msg(message: EnvSpec) -> EnvConfig:
    """Read the environment that was described."""
    return build(EnvConfig, yaml.safe_load(message.config))
