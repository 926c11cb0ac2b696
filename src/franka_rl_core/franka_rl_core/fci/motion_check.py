# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
The limits of motion generation: one joint reference at 1 kHz.

Derivatives are backward differences, as the names of the errors are defined (frankarobotics/
libfranka, docs/overview.rst): v = (q - q_last)/dt, a = (v - v_last)/dt, j = (a - a_last)/dt.
"""

from __future__ import annotations

import numpy as np

from franka_rl_core.fci.errors import FciError
from franka_rl_core.robot_model import Array, RobotModel

#: period of the control interface [s]
DT = 1e-3
#: The first command of a motion may be this far from the arm [rad]. Franka does not publish the
#: number; what is nearer is judged by the jerk limit, which allows 5e-6 rad (FR3).
START_TOLERANCE = 1e-3
# The third difference of positions near pi is rounded by some 2e-6 rad/s3, or 4e-10 of the limit.
_ROUNDED = 1.0 + 1e-8


class VelocityLimit:
    """
    Whether a velocity is allowed at a position; ``RobotModel.velocity_bounds`` without its roots.

    With the speed s towards a limit that is r away: -o + sqrt(2 d r) >= s is (s + o)^2 <= 2 d r.
    """

    def __init__(self, model: RobotModel) -> None:
        self._highest = model.velocity * _ROUNDED
        self._offset = model.velocity_offset
        self._middle = 0.5 * (model.upper + model.lower)
        self._half = 0.5 * (model.upper - model.lower)
        decelerate = model.deceleration
        self._twice = None if decelerate is None else 2.0 * decelerate * _ROUNDED
        self._speed, self._room = np.zeros((2, len(model.upper)))

    def allows(self, position: Array, velocity: Array) -> bool:
        """Tell whether all of (n,) velocities [rad/s] are allowed at (n,) positions [rad]."""
        speed = np.abs(velocity, out=self._speed)
        if not (speed <= self._highest).all():
            return False
        if self._offset is None or self._twice is None:
            return True
        room = np.subtract(position, self._middle, out=self._room)
        room *= np.sign(velocity)
        np.subtract(self._half, room, out=room)
        room *= self._twice
        speed += self._offset
        speed *= speed
        return bool((speed <= room).all())


class MotionCheck:
    """
    Checks a joint reference, a sample per millisecond.

    :meth:`start` begins a motion at rest. Then comes one :meth:`next`, or for a velocity
    reference one :meth:`next_velocity`, per millisecond. After an error the motion is over.

    The limits are those of the robot: who streams at them keeps a margin, as libfranka's own
    limiter does (1e-3 of each unit).
    """

    def __init__(self, model: RobotModel) -> None:
        joints = len(model.upper)
        self._limit = VelocityLimit(model)
        self._middle = 0.5 * (model.upper + model.lower)
        self._half = 0.5 * (model.upper - model.lower) * _ROUNDED
        self._bounds = np.stack([model.acceleration, model.jerk]) * _ROUNDED
        self._first = True
        self._offset = np.zeros(joints)
        self._new_velocity = np.zeros(joints)
        self._changes, self._sizes = np.zeros((2, 2, joints))
        #: the last sample [rad, rad/s, rad/s2]; written in place
        self.position: Array = np.zeros(joints)
        self.velocity: Array = np.zeros(joints)
        self.acceleration: Array = np.zeros(joints)

    def start(self, position: Array) -> None:
        """Begin a motion at rest at a position (n,) [rad]."""
        self.position[:] = position
        self.velocity[:] = 0.0
        self.acceleration[:] = 0.0
        self._first = True

    def next(self, position: Array) -> FciError | None:
        """Take the reference position (n,) of the next millisecond [rad]; say what it breaks."""
        error = self._misplaced(position)
        if error is None:
            velocity = np.subtract(position, self.position, out=self._new_velocity)
            velocity /= DT
            error = self._advance()
            self.position[:] = position
        return error

    def next_velocity(self, velocity: Array) -> FciError | None:
        """Take the reference velocity (n,) of the next millisecond [rad/s]; say what it breaks."""
        self._first = False
        if not np.isfinite(velocity).all():
            return FciError.NOT_FINITE
        self._new_velocity[:] = velocity
        error = self._advance()
        if error is None:
            self.position += self.velocity * DT
            error = self._misplaced(self.position)
        return error

    def extrapolate(self) -> Array:
        """
        Give what a lost motion command becomes: a position (n,) [rad] at constant acceleration.

        It is not taken yet: pass it, or a velocity, on as if it had been received.
        Source: frankarobotics/libfranka, docs/overview.rst.
        """
        return self.position + self.extrapolate_velocity() * DT

    def extrapolate_velocity(self) -> Array:
        """Give the velocity (n,) [rad/s] of :meth:`extrapolate`."""
        return self.velocity + self.acceleration * DT

    def _misplaced(self, position: Array) -> FciError | None:
        """Say whether a position is finite, near the start of the motion, and in range."""
        first, self._first = self._first, False
        offset = np.subtract(position, self._middle, out=self._offset)
        near = not first or (np.abs(position - self.position) <= START_TOLERANCE).all()
        if near and (np.abs(offset, out=offset) <= self._half).all():
            return None
        if not np.isfinite(position).all():
            return FciError.NOT_FINITE
        return FciError.REFERENCE_POSITION if near else FciError.START_POSE

    def _advance(self) -> FciError | None:
        """Differentiate the new velocity and check its derivatives."""
        velocity, (acceleration, jerk) = self._new_velocity, self._changes
        if not self._limit.allows(self.position, velocity):
            return FciError.REFERENCE_VELOCITY
        np.subtract(velocity, self.velocity, out=acceleration)
        acceleration /= DT
        np.subtract(acceleration, self.acceleration, out=jerk)
        jerk /= DT
        self.velocity[:] = velocity
        self.acceleration[:] = acceleration
        inside = np.abs(self._changes, out=self._sizes) <= self._bounds
        if inside.all():
            return None
        slow = inside[0].all()
        return FciError.ACCELERATION_DISCONTINUITY if slow else FciError.VELOCITY_DISCONTINUITY
