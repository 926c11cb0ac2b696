# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What is known about a robot: names, limits, postures and kinematics, from ``config/robots/``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from franka_rl_core import kinematics
from franka_rl_core.arrays import as_array
from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.settings import read_yaml
from franka_rl_core.share import share_dir, urdf_file
from franka_rl_core.state import ArmState, RobotState

Array = NDArray[np.float64]


def _names() -> Any:
    return field(metadata={'names': True})


def _numbers(*shape: str | int, optional: bool = False) -> Any:
    """Declare an array; 'n' in its shape stands for the number of joints."""
    return field(metadata={'shape': shape, 'optional': optional})


@dataclass(frozen=True, eq=False)
class RobotModel:
    """
    One robot; the fields are the keys of its YAML file, none of which has a default.

    Arrays are float64 and read-only. Joint quantities have one entry per joint, in the order of
    ``joint_names``; Cartesian ones are expressed in ``base_frame``.

    :raises RefusedError: a value has the wrong shape or contradicts another one.
    """

    #: what ``load_robot`` was asked for; the file's name, not a key in it
    name: str
    #: file name in ``urdf/``
    urdf: str
    base_frame: str
    flange_frame: str
    hand_frame: str
    #: the frame that tasks move, between the finger tips
    tool_frame: str
    joint_names: tuple[str, ...] = _names()
    finger_joint_names: tuple[str, ...] = _names()
    #: range of each finger joint [m]; the opening of the hand is twice the second number
    finger_range: Array = _numbers(2)
    #: (n, 3) rows alpha_(i-1) [rad], a_(i-1) [m], d_i [m] of the modified (Craig) DH convention
    dh: Array = _numbers('n', 3)
    #: flange in the frame of the last joint: x y z [m], roll pitch yaw [rad]
    flange_offset: Array = _numbers(6)
    #: hand in the flange frame: x y z [m], roll pitch yaw [rad]
    hand_offset: Array = _numbers(6)
    #: tool in the hand frame: x y z [m], roll pitch yaw [rad]
    tool_offset: Array = _numbers(6)
    #: official position limits [rad]
    lower: Array = _numbers('n')
    upper: Array = _numbers('n')
    #: largest velocity [rad/s], acceleration [rad/s2] and jerk [rad/s3]
    velocity: Array = _numbers('n')
    acceleration: Array = _numbers('n')
    jerk: Array = _numbers('n')
    #: largest torque [Nm] and torque rate [Nm/s]
    effort: Array = _numbers('n')
    effort_rate: Array = _numbers('n')
    #: of the velocity limit that falls with the distance to a position limit, see
    #: ``velocity_bounds``: offset [rad/s] and deceleration [rad/s2]; None where it is constant
    velocity_offset: Array | None = _numbers('n', optional=True)
    deceleration: Array | None = _numbers('n', optional=True)
    #: the posture 'ready' [rad]
    home: Array = _numbers('n')
    #: box that the tool is kept in [m]
    workspace_lower: Array = _numbers(3)
    workspace_upper: Array = _numbers(3)

    def __post_init__(self) -> None:
        for item in fields(self):
            value = _converted(item, getattr(self, item.name), self.joint_names)
            object.__setattr__(self, item.name, value)
        _check(self)

    @property
    def urdf_path(self) -> Path:
        """Path of the robot's URDF."""
        return urdf_file(self.urdf)

    @cached_property
    def chain(self) -> kinematics.Chain:
        """The chain from ``base_frame`` to ``tool_frame``, for ``franka_rl_core.kinematics``."""
        offsets = (self.flange_offset, self.hand_offset, self.tool_offset)
        flange, hand, tool = map(kinematics.transform_from_xyz_rpy, offsets)
        return kinematics.make_chain(self.dh, flange @ hand @ tool)

    @cached_property
    def range_lower(self) -> Array:
        """Lowest positions that can be reached [rad], see ``range_upper``."""
        return _read_only(self.lower + self._unreachable)

    @cached_property
    def range_upper(self) -> Array:
        """
        Highest positions that can be reached [rad].

        The velocity limit towards a position limit is zero from ``offset^2 / (2 deceleration)``
        before it, so that the last bit of the official range cannot be reached.
        """
        return _read_only(self.upper - self._unreachable)

    @cached_property
    def _unreachable(self) -> Array:
        if self.velocity_offset is None or self.deceleration is None:
            return np.zeros_like(self.upper)
        return self.velocity_offset**2 / (2.0 * self.deceleration)

    def velocity_bounds(self, q: ArrayLike) -> tuple[Array, Array]:
        """
        Return the lowest and the highest velocity allowed at a joint position [rad/s].

        Where the robot's limit depends on the position, with dq_max ``velocity``, o
        ``velocity_offset`` and d ``deceleration``::

            high = min( dq_max, max(0, -o + sqrt(max(0, 2 d (upper - q)))))
            low  = max(-dq_max, min(0,  o - sqrt(max(0, 2 d (q - lower)))))

        Source: frankarobotics/docs, source/robot_specifications.rst (FR3, system >= 5.9.0).

        :param q: (..., n) joint positions [rad].
        :returns: low and high, each (..., n).
        """
        position = np.asarray(q, dtype=np.float64)
        if self.velocity_offset is None or self.deceleration is None:
            high = np.broadcast_to(self.velocity, position.shape).copy()
            return -high, high
        offset, twice = self.velocity_offset, 2.0 * self.deceleration
        to_upper = np.sqrt(np.maximum(0.0, twice * (self.upper - position))) - offset
        to_lower = np.sqrt(np.maximum(0.0, twice * (position - self.lower))) - offset
        high = np.minimum(self.velocity, np.maximum(0.0, to_upper))
        low = -np.minimum(self.velocity, np.maximum(0.0, to_lower))
        return low, high

    def tool_position(self, q: Any) -> Any:
        """
        Return the (N, 3) positions of the tool in base [m] for (N, n) joint positions [rad].

        :raises ValueError: wrong shape.
        """
        return kinematics.tool_position(self.chain, self._joint_array(q))

    def arm_state(self, state: RobotState) -> ArmState:
        """
        Add the forward kinematics of the tool to a robot state.

        The result for one world does not depend on the others, to the last bit.

        :raises ValueError: wrong shape.
        """
        q, dq = self._joint_array(state.joint_position), self._joint_array(state.joint_velocity)
        return ArmState(q, dq, state.stamp_ns, *kinematics.tool_motion(self.chain, q, dq))

    def inverse_kinematics(self, tool_position: Any, joint_position: Any) -> Array:
        """
        Find joint positions in the position limits that bring the tool as near as they may.

        :param tool_position: (N, 3) in base [m].
        :param joint_position: (N, 7) where the search begins [rad].
        :returns: (N, 7) [rad].
        """
        target, start = np.asarray(tool_position, float), np.asarray(joint_position, float)
        return kinematics.inverse(self.chain, target, start, self.range_lower, self.range_upper)

    def order(self, names: Sequence[str]) -> NDArray[np.intp]:
        """
        Return where each joint of this robot is in a list of names.

        ``position[model.order(names)]`` brings a joint state message into this robot's order;
        other names, such as the fingers', may be among them.

        :raises RefusedError: a joint is missing or there twice; lists the expected names.
        """
        given = list(names)
        if any(given.count(name) != 1 for name in self.joint_names):
            raise RefusedError(
                f'joint names {", ".join(given) or "(none)"} do not fit robot {self.name!r}; '
                f'expected each once: {", ".join(self.joint_names)}'
            )
        return np.array([given.index(name) for name in self.joint_names], dtype=np.intp)

    def _joint_array(self, values: Any) -> Any:
        array = as_array(values)
        if array.ndim != 2 or array.shape[1] != len(self.joint_names):
            raise ValueError(f'expected shape (N, {len(self.joint_names)}), got {array.shape}')
        return array


def available_robots() -> tuple[str, ...]:
    """Return the names of the robots, one per file in ``config/robots/``."""
    return tuple(sorted(path.stem for path in (share_dir() / 'config/robots').glob('*.yaml')))


@cache
def load_robot(name: str) -> RobotModel:
    """
    Return the robot of that name; the same object every time.

    :raises UnknownNameError: there is no such robot; lists those that exist.
    :raises RefusedError: its file is wrong.
    """
    if name not in available_robots():
        raise UnknownNameError('robot', name, available_robots())
    return read_robot(share_dir() / 'config' / 'robots' / f'{name}.yaml')


def read_robot(path: Path) -> RobotModel:
    """
    Read a robot from a YAML file; the robot is called as the file.

    :raises UnknownNameError: a key is not a field of ``RobotModel``; lists the fields.
    :raises RefusedError: a key is missing, or a value is wrong.
    """
    values = read_yaml(path)
    known = [item.name for item in fields(RobotModel) if item.name != 'name']
    for key in values:
        if key not in known:
            raise UnknownNameError(f'key in {path.name}', key, known)
    if missing := [key for key in known if key not in values]:
        raise RefusedError(f'{path.name} lacks {", ".join(missing)}; needed: {", ".join(known)}')
    try:
        return RobotModel(name=path.stem, **values)
    except RefusedError as error:
        raise RefusedError(f'{path.name}: {error}') from error


def _converted(item: Field[Any], value: Any, joint_names: Sequence[str]) -> Any:
    """Return the value of a field as its type, or refuse it."""
    if 'shape' in item.metadata:
        if value is None and item.metadata['optional']:
            return None
        shape = tuple(len(joint_names) if n == 'n' else n for n in item.metadata['shape'])
        return _read_only(_array(item.name, value, shape))
    words = value if 'names' in item.metadata else [value]
    if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
        expected = 'a list of strings' if 'names' in item.metadata else 'a string'
        raise RefusedError(f'{item.name} must be {expected}, not {value!r}')
    return tuple(words) if 'names' in item.metadata else value


def _array(name: str, value: Any, shape: tuple[int, ...]) -> Array:
    try:
        array = np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RefusedError(f'{name} must be numbers, not {value!r}') from error
    if array.shape != shape:
        raise RefusedError(f'{name} must have shape {shape}, not {array.shape}')
    if not np.isfinite(array).all():
        raise RefusedError(f'{name} must be finite, not {value!r}')
    return array


def _read_only(array: Array) -> Array:
    array.flags.writeable = False  # models are shared
    return array


def _check(model: RobotModel) -> None:
    """Refuse a model that contradicts itself."""
    for name in ('velocity', 'acceleration', 'jerk', 'effort', 'effort_rate', 'deceleration'):
        limit = getattr(model, name)
        if limit is not None and not (limit > 0.0).all():
            raise RefusedError(f'{name} must be positive')
    if (model.velocity_offset is None) != (model.deceleration is None):
        raise RefusedError('velocity_offset and deceleration belong together: state both or none')
    ordered = {
        'lower < upper': (model.range_lower, model.range_upper),
        'workspace_lower < workspace_upper': (model.workspace_lower, model.workspace_upper),
        'finger_range rising': (model.finger_range[0], model.finger_range[1]),
        'home above the lower limit': (model.range_lower, model.home),
        'home below the upper limit': (model.home, model.range_upper),
    }
    for rule, (low, high) in ordered.items():
        if not np.all(low < high):
            raise RefusedError(f'must hold: {rule}')
    _ = model.chain  # refuses what the kinematics cannot do
