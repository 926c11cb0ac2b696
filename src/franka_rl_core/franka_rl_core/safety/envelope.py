# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The velocities that the joints may have next, and where they stop."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import Array, Arrays, namespace
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Proposal, SafetyConfig
from franka_rl_core.safety.joint_range import allowed_range

# Braking before a position limit plans with this share of the allowed deceleration; the rest
# absorbs tracking error.
BRAKING_SHARE = 0.8
# Of one arm; in arrays of both ends, those of the lower ends come first.
JOINTS = 7


def _twice(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give one number per joint for both ends of its range."""
    return np.concatenate([values, values])


def _column(name: str) -> Any:
    """Give one number per joint, in the form in which velocities are computed with."""
    return property(lambda self: self._arrays.rows(self._columns[name]))


class Envelope:
    """
    What the joints may do in the next control period so that they can go on to obey their limits.

    The velocity of the next period is clipped

    1. to the velocity limits, and to what lets the joint stop before each end of its range,
       see :func:`braking_velocity`;
    2. where the velocity limit falls towards a position limit (FR3), to what obeys it at the end
       of the period as well, see :func:`approach_velocity`;
    3. to the acceleration limit, q̇ ± aT. It comes last: a sudden move is worse than a limit that
       is crossed slowly.

    Before that, all joints are slowed down alike as far as one of them needs it, so that the arm
    keeps its direction; clipping alone would tilt a tool that is to be held upright. Held arms
    brake with each joint as hard as it may.

    An arm that executes its commands exactly and starts at rest in its range crosses none of
    them: whatever velocity 1 and 2 allow, they allow one that is lower by aT a period later.
    """

    _lower = _column('lower')  # end of the range [rad]
    _upper = _column('upper')
    _change = _column('change')  # of the velocity in one period [rad/s]
    # Reciprocals: a product takes a fraction of the time of a quotient.
    _per_fastest = _column('per_fastest')
    _per_change = _column('per_change')
    # Of both ends of the range: (14, 1).
    _towards_end = _column('towards_end')  # fastest [rad/s]
    _braking = _column('braking')  # [rad/s²]
    _offset = _column('offset')  # of the falling velocity limit, see approach_velocity
    _falling = _column('falling')

    def __init__(
        self, model: RobotModel, config: SafetyConfig, control_period_s: float, arrays: Arrays
    ) -> None:
        column = arrays.column
        self._arrays, self._xp = arrays, arrays.xp
        self._period, self._rate = control_period_s, 1.0 / control_period_s
        self._share = config.velocity_fraction
        self._margin = config.joint_margin
        lower, upper = allowed_range(model, config)
        fastest = config.velocity_fraction * model.velocity
        acceleration = config.acceleration_fraction * model.acceleration
        change = acceleration * control_period_s
        self._columns = {
            'lower': column(lower),
            'upper': column(upper),
            'change': column(change),
            'per_fastest': column(1.0 / fastest),
            'per_change': column(1.0 / change),
            'braking': column(_twice(BRAKING_SHARE * acceleration)),
            'towards_end': column(_twice(fastest)),
        }
        self._slows_down = model.velocity_offset is not None
        if model.velocity_offset is not None and model.deceleration is not None:
            # The limit may fall faster than the joint may brake.
            hardest = BRAKING_SHARE * acceleration / self._share**2
            falling = np.minimum(model.deceleration, hardest)
            self._columns |= {
                'offset': column(_twice(model.velocity_offset)),
                'falling': column(_twice(falling)),
            }

    def bounds(self, position: Array) -> tuple[Array, Array]:
        """Give the lowest and the highest velocity by 1 and 2: (7, N), (7, N) [rad/s]."""
        # Both ends at once: for one arm, calls take longer than arithmetic.
        distances = [position - self._lower, self._upper - position]
        speed = self._speed(self._xp.concat(distances, axis=0))
        return -speed[:JOINTS], speed[JOINTS:]

    def _speed(self, distance: Array) -> Array:
        """Give the highest velocity towards the lower and the upper ends: (14, N) [rad/s]."""
        xp = self._xp
        speed = braking_velocity(distance, self._braking, self._period)
        speed = xp.minimum(xp.maximum(speed, -self._towards_end), self._towards_end)
        if self._slows_down:
            falling = (self._offset, self._falling, self._share, self._period)
            speed = xp.minimum(speed, approach_velocity(distance + self._margin, *falling))
        return speed

    def velocity(self, proposal: Proposal) -> Array:
        """Give the allowed velocity that leads towards the target: (7, N) [rad/s]."""
        if proposal.velocity is None:
            proposal.velocity = self.towards(
                proposal.target,
                proposal.position,
                proposal.held,
                proposal.low,
                proposal.high,
                proposal.speed,
            )
        return proposal.velocity

    def towards(
        self, target: Array, position: Array, held: Array, low: Array, high: Array, speed: Array
    ) -> Array:
        """Give the allowed velocity that leads from a position to a target: (7, N) [rad/s]."""
        asked = self.asked(target, position)
        in_line = self._xp.where(held, asked, self._in_line(asked, low, high, speed))
        return self.nearest(in_line, low, high, speed)

    def asked(self, target: Array, position: Array) -> Array:
        """Give the velocity that leads from a position to a target in a period: (7, N) [rad/s]."""
        return (target - position) * self._rate

    def nearest(self, asked: Array, low: Array, high: Array, speed: Array) -> Array:
        """
        Clip a velocity to 1, 2 and 3: (7, N) [rad/s].

        :param low: lowest velocity by 1 and 2, see :meth:`bounds`.
        :param high: the highest.
        :param speed: measured velocity.
        """
        xp = self._xp
        velocity = xp.minimum(xp.maximum(asked, low), high)
        return xp.minimum(xp.maximum(velocity, speed - self._change), speed + self._change)

    def _in_line(self, asked: Array, low: Array, high: Array, speed: Array) -> Array:
        """Slow down all joints alike; a velocity inside the limits keeps its bits."""
        xp = self._xp
        asked = asked / _at_least_1(xp.abs(asked) * self._per_fastest)
        change = xp.minimum(xp.maximum(asked, low), high) - speed
        excess = _at_least_1(xp.abs(change) * self._per_change)
        return xp.where(excess > 1.0, speed + change / excess, asked)

    def braking_path(self, velocity: Array, position: Array) -> tuple[Array, Array, Array]:
        """
        Give the way of an arm that brakes after a period at this velocity.

        :returns: the end of the period, the place halfway through the braking, the stop; each
            (7, N) [rad].
        """
        xp = self._xp
        end = position + velocity * self._period
        way = self._braking_way(velocity)
        time = xp.maximum(xp.abs(velocity) * self._per_change, 1e-9)
        left = xp.maximum(1.0 - 0.5 * xp.max(time, axis=0) / time, 0.0)
        return end, end + way * (1.0 - left * left), end + way

    def stop(self, velocity: Array, position: Array) -> Array:
        """Give the last place of :meth:`braking_path`."""
        return position + velocity * self._period + self._braking_way(velocity)

    def _braking_way(self, velocity: Array) -> Array:
        return stopping_distance(velocity, self._change, self._period)

    def stopping_time(self, velocity: Array) -> Array:
        """Give how much further a joint stops per velocity that it is faster: (7, N) [s]."""
        return self._period * (1.0 + self._xp.floor(self._xp.abs(velocity) * self._per_change))


def _at_least_1(values: Array) -> Array:
    """Give the largest of each world, or 1."""
    xp = namespace(values)
    return xp.maximum(xp.max(values, axis=0), 1.0)


def braking_velocity(distance: Array, deceleration: Array, period_s: float) -> Array:
    """
    Give the highest velocity from which a joint stops within a distance.

    The velocity can change once per period T. Stopping in n periods, each slower by aT than the
    one before, takes d = n v T - a T² n (n - 1)/2. The smallest n with n (n + 1)/2 >= d / (a T²)
    is the one that ends at rest, and v = d/(n T) + a T (n - 1)/2. A negative distance (the joint
    is outside) gives the velocity that leads back in one period.

    :param distance: (7, N) [rad].
    :param deceleration: a, (7, 1) [rad/s²].
    :param period_s: T [s].
    :returns: (7, N) [rad/s].
    """
    xp = namespace(distance)
    ratio = xp.maximum(distance, 0.0) / (deceleration * period_s**2)
    periods = xp.maximum(xp.ceil(0.5 * (xp.sqrt(1.0 + 8.0 * ratio) - 1.0)), 1.0)
    return distance / (periods * period_s) + 0.5 * deceleration * period_s * (periods - 1.0)


def approach_velocity(
    distance: Array, offset: Array, deceleration: Array, share: float, period_s: float
) -> Array:
    """
    Give the highest velocity that obeys the FR3's falling velocity limit at the end of a period.

    With the distance s to where the limit is zero, the limit is √(o² + 2 d s) - o, see
    ``RobotModel.velocity_bounds``. It holds a period T later for a share f of it if
    v = f (√(o² + 2 d (s - v T)) - o), which is v = f (√(b² + 2 d s) - b) with b = o + d f T. To
    stay on this curve costs a deceleration of at most d f².

    :param distance: s, (7, N) [rad].
    :param offset: o, (7, 1) [rad/s].
    :param deceleration: d, (7, 1) [rad/s²].
    :param share: f.
    :param period_s: T [s].
    :returns: (7, N) [rad/s], at least 0.
    """
    xp = namespace(distance)
    b = offset + deceleration * (share * period_s)
    # A root below b counts for nothing; and that of 0 would have no finite gradient.
    root = xp.sqrt(xp.maximum(b**2 + 2.0 * deceleration * distance, b**2))
    return share * xp.maximum(root - b, 0.0)


def stopping_distance(velocity: Array, change: Array, period_s: float) -> Array:
    """
    Give how far a joint goes on while it brakes, slower by the same change in every period.

    The velocities are |v| - c, |v| - 2c, … |v| - nc with the largest n for which that is no
    reversal.

    :param velocity: v, of the period before (7, N) [rad/s].
    :param change: c, (7, 1) [rad/s].
    :param period_s: length of a period [s].
    :returns: (7, N) with the sign of the velocity [rad].
    """
    xp = namespace(velocity)
    periods = xp.floor(xp.abs(velocity) / change)
    lost = xp.copysign(0.5 * change * (periods + 1.0), velocity)
    return period_s * periods * (velocity - lost)
