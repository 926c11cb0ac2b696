# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Trajectories as ros2_control's joint trajectory controller reads and samples them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import Array, RobotModel

# A velocity of the last point counts as zero up to here: epsilon of float, as in the controller.
_ZERO = float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class TrajectoryPoint:
    """One point of a message; velocities and accelerations may be left empty."""

    time_from_start_ns: int
    positions: Sequence[float]  # [rad]
    velocities: Sequence[float] = ()  # [rad/s]
    accelerations: Sequence[float] = ()  # [rad/s2]


@dataclass(frozen=True)
class Knot:
    """Where the arm is to be at a time; what is not known of the motion is None."""

    time_ns: int
    position: Array  # (n,) [rad]
    velocity: Array | None  # (n,) [rad/s]
    acceleration: Array | None  # (n,) [rad/s2]


class Trajectory:
    """
    Positions between knots: linear, cubic with velocities, quintic with accelerations too.

    After the last knot that is kept, its velocity included. Source: ros-controls/
    ros2_controllers, joint_trajectory_controller/src/trajectory.cpp.

    :param before: where the motion comes from.
    :param knots: rising in time.
    """

    def __init__(self, before: Knot, knots: Sequence[Knot]) -> None:
        self._last, self._left = before, list(reversed(knots))
        self._coefficients: Array | None = None

    def at(self, now_ns: int) -> Knot:
        """Sample it at a time, which never falls."""
        while self._left and self._left[-1].time_ns <= now_ns:
            self._last, self._coefficients = self._left.pop(), None
        if not self._left:
            return _complete(self._last, now_ns)
        if self._coefficients is None:
            self._coefficients = _derivatives(_polynomial(self._last, self._left[-1]))
        t = max(0, now_ns - self._last.time_ns) * 1e-9
        powers = np.array([1.0, t, t**2, t**3, t**4, t**5])
        position, velocity, acceleration = self._coefficients @ powers
        return Knot(now_ns, position, velocity, acceleration)


def read_trajectory(
    model: RobotModel,
    joint_names: Sequence[str],
    points: Sequence[TrajectoryPoint],
    stamp_ns: int,
    now_ns: int,
) -> tuple[list[Knot], str]:
    """
    Read a message, matching joints by name.

    Non-finite positions are accepted, as by the controller. One thing is refused here that the
    controller accepts: accelerations without velocities, which it turns into position zero.

    :param stamp_ns: when it starts; 0 means now.
    :returns: the knots, with times since its start [ns], and why it is rejected ('' if it is not).
    """
    reason = _rejection(model, joint_names, points, stamp_ns, now_ns)
    if reason:
        return [], reason
    order = model.order(joint_names)

    def ordered(values: Sequence[float]) -> Array | None:
        return np.array(values, dtype=np.float64)[order] if len(values) else None

    return [
        Knot(
            point.time_from_start_ns,
            np.array(point.positions, dtype=np.float64)[order],
            ordered(point.velocities),
            ordered(point.accelerations),
        )
        for point in points
    ], ''


def _rejection(
    model: RobotModel,
    joint_names: Sequence[str],
    points: Sequence[TrajectoryPoint],
    stamp_ns: int,
    now_ns: int,
) -> str:
    """Say why the controller rejects a message; '' if it does not."""
    if len(joint_names) != len(model.joint_names):
        return f'{len(joint_names)} joints; expected all of {", ".join(model.joint_names)}'
    try:
        model.order(joint_names)
    except RefusedError as error:
        return str(error)
    if not points:
        return 'it has no points'
    for index, point in enumerate(points):
        if wrong := _wrong_size(point, len(joint_names)):
            return f'point {index}: {wrong}'
    times = [point.time_from_start_ns for point in points]
    if any(after <= before for before, after in zip(times, times[1:], strict=False)):
        return 'its times do not strictly increase'
    if any(abs(velocity) > _ZERO for velocity in points[-1].velocities):
        return 'the velocity of its last point is not zero'
    if stamp_ns and stamp_ns + times[-1] < now_ns:
        return 'it ends in the past'
    return ''


def _wrong_size(point: TrajectoryPoint, joints: int) -> str:
    if len(point.positions) != joints:
        return f'{len(point.positions)} positions for {joints} joints'
    for name in ('velocities', 'accelerations'):
        if len(getattr(point, name)) not in (0, joints):
            return f'{len(getattr(point, name))} {name} for {joints} joints'
    if len(point.accelerations) and not len(point.velocities):
        return 'accelerations without velocities'
    return ''


def _complete(knot: Knot, now_ns: int) -> Knot:
    """Fill in zeros for what is not known."""
    zero = np.zeros_like(knot.position)
    velocity = zero if knot.velocity is None else knot.velocity
    acceleration = zero if knot.acceleration is None else knot.acceleration
    return Knot(now_ns, knot.position, velocity, acceleration)


def _derivatives(coefficients: Array) -> Array:
    """Give the coefficients (3, n, 6) of a polynomial and its first two derivatives."""
    orders = np.arange(6.0)[:, None]
    first = np.roll(orders * coefficients, -1, axis=0)
    second = np.roll(orders * first, -1, axis=0)
    return np.stack([coefficients.T, first.T, second.T])


def _polynomial(a: Knot, b: Knot) -> Array:
    """Give the coefficients (6, n) of the polynomial in the time since knot ``a`` [s]."""
    T = (b.time_ns - a.time_ns) * 1e-9
    c = np.zeros((6, len(a.position)))
    c[0] = a.position
    way = b.position - a.position
    if a.velocity is None or b.velocity is None:
        c[1] = way / T
        return c
    c[1] = a.velocity
    if a.acceleration is None or b.acceleration is None:
        c[2] = (3.0 * way - (2.0 * a.velocity + b.velocity) * T) / T**2
        c[3] = (-2.0 * way + (a.velocity + b.velocity) * T) / T**3
        return c
    # What is left to the end after going on at the velocity and acceleration of ``a``.
    far = way - a.velocity * T - 0.5 * a.acceleration * T**2
    fast = (b.velocity - a.velocity - a.acceleration * T) * T
    bent = (b.acceleration - a.acceleration) * T**2
    c[2] = 0.5 * a.acceleration
    c[3] = (10.0 * far - 4.0 * fast + 0.5 * bent) / T**3
    c[4] = (-15.0 * far + 7.0 * fast - bent) / T**4
    c[5] = (6.0 * far - 3.0 * fast + 0.5 * bent) / T**5
    return c
