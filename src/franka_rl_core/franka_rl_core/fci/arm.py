# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the robot itself does with the commands of each millisecond."""

from __future__ import annotations

from collections import deque
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.fci.dynamics import ArmDynamics
from franka_rl_core.fci.errors import FciError, RobotMode
from franka_rl_core.fci.impedance import InternalImpedance
from franka_rl_core.fci.motion_check import DT, MotionCheck, VelocityLimit
from franka_rl_core.robot_model import Array, RobotModel

#: So many lost packets in a row end a motion (frankarobotics/libfranka, docs/overview.rst).
LOST_PACKETS = 20
#: packets that ``success_rate`` looks back on (``control_command_success_rate`` of libfranka)
PACKETS = 100
_ROUNDED = 1.0 + 1e-9


class Interface(str, Enum):
    """What a motion commands; the names of ros2_control."""

    EFFORT = 'effort'  # [Nm]
    POSITION = 'position'  # [rad]
    VELOCITY = 'velocity'  # [rad/s]


class FciArm:
    """
    One arm behind Franka's control interface, a millisecond per :meth:`step`.

    What breaks a limit ends the motion: ``mode`` becomes REFLEX, ``errors`` has its name, the arm
    brakes within its acceleration limits and stays, and commands are ignored until
    :meth:`recover`. The external torque is known here to the last digit, while Franka estimates
    it; a push on the joints does not appear in the force at the tool.

    Not simulated: limits of power, Cartesian motion and elbow, self-collision.

    :param model: the robot.
    :param config: thresholds and surroundings.
    :param seed: of the noise in :meth:`measured`.
    """

    def __init__(self, model: RobotModel, config: FciConfig | None = None, seed: int = 0) -> None:
        self._model = model
        self._config = config or FciConfig()
        self._dynamics = ArmDynamics(model, self._config.table_height, self._config.joint_friction)
        self._impedance = InternalImpedance(model)
        self._check = MotionCheck(model)
        self._limit = VelocityLimit(model)
        self._middle = 0.5 * (model.upper + model.lower)
        self._half = 0.5 * (model.upper - model.lower)
        self._rate = model.effort_rate * DT * _ROUNDED
        self._random = np.random.default_rng([seed, 1])
        self._interface = Interface.EFFORT
        self._lost = 0
        self._packets: deque[bool] = deque(maxlen=PACKETS)
        #: commanded, or that of Franka's own controller (n,) [Nm]; written in place
        self.torque: Array = np.zeros(len(model.upper))
        self.mode = RobotMode.IDLE
        #: names of what ended the motion, until it is recovered from; then in the second one
        self.errors: tuple[str, ...] = ()
        self.last_motion_errors: tuple[str, ...] = ()
        self.reset(model.home)

    @property
    def joint_position(self) -> Array:
        """True positions (n,) [rad]; a view that the next step changes."""
        return self._dynamics.position

    @property
    def joint_velocity(self) -> Array:
        """True velocities (n,) [rad/s]; a view that the next step changes."""
        return self._dynamics.velocity

    @property
    def tool_position(self) -> Array:
        """True position (3,) of the tool in the base frame [m]."""
        return self._dynamics.tool_position

    @property
    def external_torque(self) -> Array:
        """Torque (n,) on the joints from outside [Nm]."""
        return self._dynamics.external_torque

    @property
    def external_wrench(self) -> Array:
        """Force and moment (6,) on the tool from outside, in base axes [N, Nm]."""
        return self._dynamics.external_wrench

    @property
    def joint_contact(self) -> NDArray[np.bool_]:
        """Which joints (n,) feel a contact."""
        return np.abs(self.external_torque) > self._config.torque_contact

    @property
    def cartesian_contact(self) -> NDArray[np.bool_]:
        """Which directions (6,) of the tool feel a contact."""
        return np.abs(self.external_wrench) > self._config.force_contact

    @property
    def success_rate(self) -> float:
        """Share of the last hundred packets that arrived; 0 while there is no motion."""
        if self.mode is not RobotMode.MOVE or not self._packets:
            return 0.0
        return sum(self._packets) / len(self._packets)

    def measured(self) -> tuple[Array, Array]:
        """Give positions and velocities (n,) as they are published, with noise [rad, rad/s]."""
        noise = self._random.standard_normal((2, len(self.torque)))
        position = self.joint_position + self._config.position_noise * noise[0]
        return position, self.joint_velocity + self._config.velocity_noise * noise[1]

    def start(self, interface: Interface) -> None:
        """
        Begin a motion.

        :raises RefusedError: the arm is not idle.
        """
        if self.mode is not RobotMode.IDLE:
            raise RefusedError(f'cannot start a motion: the arm is in mode {self.mode.name}')
        self._interface = interface
        self._check.start(self.joint_position)
        self._lost = 0
        self._packets.clear()
        self.torque[:] = 0.0  # a torque controller starts at zero
        self.mode = RobotMode.MOVE

    def stop(self) -> None:
        """
        End the motion; the arm brakes and holds.

        A position or velocity reference has to have come to rest, or its sudden end is an error as
        any other step is.
        """
        if self.mode is not RobotMode.MOVE:
            return
        if self._interface is not Interface.EFFORT:
            error = self._check.next(self._check.position.copy())
            if error is not None:
                self.abort(error)
                return
        self._brake(RobotMode.IDLE)

    def abort(self, error: FciError) -> None:
        """End the motion with an error."""
        self.errors += (error.value,)
        self._brake(RobotMode.REFLEX)

    def recover(self) -> None:
        """
        Clear the errors: from REFLEX to IDLE; nothing happens where there are none.

        :raises RefusedError: there is a motion.
        """
        if self.mode is RobotMode.MOVE:
            raise RefusedError('cannot recover: the arm is in motion; stop it first')
        if self.mode is RobotMode.REFLEX:
            self.last_motion_errors, self.errors = self.errors, ()
            self.mode = RobotMode.IDLE

    def reset(self, position: Array) -> None:
        """Put the arm somewhere (n,) [rad], idle and without errors, whatever it did before."""
        self._dynamics.reset(position)
        self._brake(RobotMode.IDLE)
        self._packets.clear()
        self.torque[:] = 0.0
        self.errors, self.last_motion_errors = (), ()

    def push(self, torque: Array) -> None:
        """Put a torque (n,) [Nm] on the joints from outside, until the next call."""
        self._dynamics.push(torque=torque)

    def push_tool(self, wrench: Array) -> None:
        """Put a force and moment (6,), in base axes, on the tool until the next call [N, Nm]."""
        self._dynamics.push(wrench=wrench)

    def step(self, command: Array | None) -> None:
        """
        Let one millisecond pass.

        :param command: (n,) in the unit of the interface that was started; ``None`` if this
            millisecond's packet was lost. Ignored unless there is a motion.
        """
        error = self._take(command) if self.mode is RobotMode.MOVE else None
        if error is not None:
            self.abort(error)
        if self.mode is not RobotMode.MOVE:
            self._impedance.brake(self.joint_position)
        if self.mode is not RobotMode.MOVE or self._interface is not Interface.EFFORT:
            self.torque[:] = self._impedance.torque(self.joint_position, self.joint_velocity)
        self._dynamics.step(self.torque)
        error = self._felt() if self.mode is RobotMode.MOVE else None
        if error is not None:
            self.abort(error)

    def _brake(self, mode: RobotMode) -> None:
        self.mode = mode
        self._impedance.settle(self.joint_position, self.joint_velocity)

    def _take(self, command: Array | None) -> FciError | None:
        """Take a packet, or the loss of one."""
        self._packets.append(command is not None)
        self._lost = self._lost + 1 if command is None else 0
        if self._lost >= LOST_PACKETS:
            return FciError.COMMUNICATION
        if self._interface is Interface.EFFORT:
            return None if command is None else self._take_torque(command)
        return self._take_motion(command)

    def _take_torque(self, torque: Array) -> FciError | None:
        """Check a torque; a lost one is repeated, so that there is nothing to do."""
        inside = np.abs(torque) <= self._model.effort
        if not inside.all():
            finite = np.isfinite(torque).all()
            return FciError.TORQUE_RANGE if finite else FciError.NOT_FINITE
        if not (np.abs(torque - self.torque) <= self._rate).all():
            return FciError.TORQUE_DISCONTINUITY
        self.torque[:] = torque
        return None

    def _take_motion(self, command: Array | None) -> FciError | None:
        """Check a reference and hand it to Franka's own controller."""
        check = self._check
        if self._interface is Interface.POSITION:
            error = check.next(check.extrapolate() if command is None else command)
        else:
            command = check.extrapolate_velocity() if command is None else command
            error = check.next_velocity(command)
        self._impedance.position[:] = check.position
        self._impedance.velocity[:] = check.velocity
        return error

    def _felt(self) -> FciError | None:
        """Check what the arm measures of itself."""
        position, velocity = self.joint_position, self.joint_velocity
        if not (np.abs(position - self._middle) <= self._half).all():
            return FciError.JOINT_POSITION_LIMITS
        if not self._limit.allows(position, velocity):
            return FciError.JOINT_VELOCITY
        if not self._dynamics.loaded:
            return None
        if not (np.abs(self.external_torque) <= self._config.torque_reflex).all():
            return FciError.JOINT_REFLEX
        if not (np.abs(self.external_wrench) <= self._config.force_reflex).all():
            return FciError.CARTESIAN_REFLEX
        return None
