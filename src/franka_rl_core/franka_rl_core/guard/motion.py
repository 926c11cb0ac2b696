# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Jerk-limited joint motions, each of which ends at rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import ruckig
from numpy.typing import NDArray

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import RobotModel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Where the joints shall be at one instant."""

    position: Array  # (7,) [rad]
    velocity: Array  # (7,) [rad/s]
    acceleration: Array  # (7,) [rad/s²]

    @classmethod
    def resting(cls, position: Array) -> Sample:
        """Give a sample at rest."""
        return cls(position.copy(), np.zeros_like(position), np.zeros_like(position))

    @property
    def at_rest(self) -> bool:
        """Whether nothing moves; ruckig's last velocity and acceleration are rounded."""
        rests = (np.abs(self.velocity) < 1e-9) & (np.abs(self.acceleration) < 1e-6)
        return bool(rests.all())


class Motion:
    """
    Pieces of jerk-limited motion, one after the other; the last one ends at rest.

    :param begin: when it begins [s].
    :param pieces: when each piece begins after ``begin`` [s], and the piece.
    :param brakes: whether the last piece does nothing but brake.
    """

    def __init__(
        self,
        begin: float,
        pieces: Sequence[tuple[float, ruckig.Trajectory]],
        brakes: bool = True,
    ) -> None:
        self.begin = begin
        #: the motion until then; None for rest where this one begins
        self.before: Motion | None = None
        self._pieces = pieces
        start, last = pieces[-1]
        #: when it is at rest [s]
        self.end = begin + start + last.duration
        #: when nothing but braking is left [s]
        self.braking = begin + start if brakes else self.end

    def beginning_at(self, begin: float) -> Motion:
        """Give the same motion at another time [s]."""
        return Motion(begin, self._pieces, brakes=self.braking < self.end)

    def at(self, now: float) -> Sample:
        """Give the sample at a time [s]."""
        return Sample(*map(np.array, self._values(now)))

    def along(self, times: Sequence[float]) -> tuple[Array, Array]:
        """Give positions and velocities at T times [s]: (T, 7) [rad], (T, 7) [rad/s]."""
        position, velocity, _ = zip(*map(self._values, times), strict=True)
        return np.array(position), np.array(velocity)

    def _values(self, now: float) -> tuple[Sequence[float], Sequence[float], Sequence[float]]:
        """Give position, velocity and acceleration: as ruckig does, arrays take time."""
        if now < self.begin and self.before is not None:
            return self.before._values(now)
        elapsed = max(now - self.begin, 0.0)
        start, piece = next(p for p in reversed(self._pieces) if elapsed >= p[0])
        if now >= self.end:
            # Exactly at rest: the rounding of what is extrapolated would become a drift.
            position = piece.at_time(piece.duration)[0]
            return position, [0.0] * len(position), [0.0] * len(position)
        values: tuple[list[float], list[float], list[float]] = piece.at_time(elapsed - start)
        return values


class Planner:
    """
    Makes motions within velocity, acceleration and jerk limits.

    :param model: the arm.
    :param acceleration: (7,) largest acceleration [rad/s²].
    :param jerk: (7,) largest jerk [rad/s³].
    """

    def __init__(self, model: RobotModel, acceleration: Array, jerk: Array) -> None:
        self._joints = len(model.joint_names)
        self._otg = ruckig.Ruckig(self._joints)
        self._speed = self._input(ruckig.ControlInterface.Velocity, acceleration, jerk)
        self._place = self._input(ruckig.ControlInterface.Position, acceleration, jerk)

    def _input(
        self, interface: ruckig.ControlInterface, acceleration: Array, jerk: Array
    ) -> ruckig.InputParameter:
        parameters = ruckig.InputParameter(self._joints)
        parameters.control_interface = interface
        parameters.max_acceleration = acceleration.tolist()
        parameters.max_jerk = jerk.tolist()
        return parameters

    def with_velocity(self, here: Sample, velocity: Array, hold_s: float, now: float) -> Motion:
        """
        Change to a velocity, keep it, then brake.

        :param here: where the motion begins.
        :param velocity: (7,) [rad/s].
        :param hold_s: when braking begins, after the begin [s].
        :param now: when the motion begins [s].
        """
        ramp = self._to_velocity(here, velocity)
        if hold_s <= 0.0:
            return Motion(now, [(0.0, ramp)])
        turn = Sample(*map(np.array, ramp.at_time(hold_s)))
        braking = self._to_velocity(turn, np.zeros_like(velocity))
        return Motion(now, [(0.0, ramp), (hold_s, braking)])

    def stop(self, here: Sample, now: float) -> Motion:
        """Brake at once."""
        return self.with_velocity(here, np.zeros_like(here.velocity), 0.0, now)

    def to_position(self, here: Sample, target: Array, velocity: Array, now: float) -> Motion:
        """
        Go to a posture, all joints arriving together, and rest there.

        :param here: where the motion begins.
        :param target: (7,) [rad].
        :param velocity: (7,) largest velocity [rad/s].
        :raises RefusedError: there is no such motion within the limits.
        """
        self._set(self._place, here)
        self._place.max_velocity = velocity.tolist()
        self._place.target_position = target.tolist()
        return Motion(now, [(0.0, self._solved(self._place))], brakes=False)

    def _to_velocity(self, here: Sample, velocity: Array) -> ruckig.Trajectory:
        self._set(self._speed, here)
        self._speed.target_velocity = velocity.tolist()
        return self._solved(self._speed)

    @staticmethod
    def _set(parameters: ruckig.InputParameter, here: Sample) -> None:
        parameters.current_position = here.position.tolist()
        parameters.current_velocity = here.velocity.tolist()
        parameters.current_acceleration = here.acceleration.tolist()

    def _solved(self, parameters: ruckig.InputParameter) -> ruckig.Trajectory:
        trajectory = ruckig.Trajectory(self._joints)
        result = self._otg.calculate(parameters, trajectory)
        if result < 0:
            raise RefusedError(f'no motion within the limits: ruckig says {result}')
        return trajectory
