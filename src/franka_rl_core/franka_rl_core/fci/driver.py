# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The arm with everything between it and whoever commands it: controllers, limiter, and link."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.fci.arm import FciArm, Interface
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.fci.controllers import (
    ControllerShutdownError,
    JointFollower,
    JointTrajectory,
)
from franka_rl_core.fci.errors import FciError, RobotMode
from franka_rl_core.fci.motion_check import DT, MotionCheck
from franka_rl_core.fci.stream_check import StreamCheck
from franka_rl_core.fci.trajectory import TrajectoryPoint, read_trajectory
from franka_rl_core.robot_model import Array, RobotModel

CONTROLLERS = ('joint_follower', 'joint_trajectory')
# Subtracted from every limit by libfranka's limiters (kLimitEps, include/franka/rate_limiting.h).
LIMIT_EPS = 1e-3


class FrankaDriver:
    """
    What franka_ros2 and a torque controller make of an arm, one millisecond per :meth:`step`.

    The driver's torque limiter is on, as in franka_hardware (robot.hpp). With ``strict`` the limits
    of motion generation also hold for what the controller follows, which Franka does not check
    behind a torque controller: what passes here would also pass as a position command.

    When a controller shuts the driver down, ``shutdown_reason`` says why, no packet reaches the
    arm any more, and nothing works until :meth:`reset` or :meth:`restart`.

    :param model: the robot.
    :param config: arm, controllers and link.
    :param seed: of the packets that get lost and the noise of what is published.
    """

    def __init__(self, model: RobotModel, config: FciConfig | None = None, seed: int = 0) -> None:
        self._model = model
        self._config = config or FciConfig()
        self._random = np.random.default_rng([seed, 0])
        self._step = (model.effort_rate - LIMIT_EPS) * DT
        self._delay_ns = round(self._config.command_delay * 1e9)
        self._stream = StreamCheck(model)
        self._motion = MotionCheck(model)
        self.arm = FciArm(model, self._config, seed)
        self.restart()

    @property
    def controller_state(self) -> str:
        """INACTIVE, or of the active controller: SYNCING, FOLLOWING, or ACTIVE."""
        return self._follower.state if self.controller != CONTROLLERS[1] else self._trajectory.state

    @property
    def reference(self) -> Array:
        """Where the active controller pulls to (n,) [rad], where the arm is if it does not."""
        reference = self._active().reference if self.controller else None
        return self.arm.joint_position if reference is None else reference

    def restart(self) -> None:
        """Start the driver's process anew, with the arm as it is."""
        self.arm.stop()
        self._follower = JointFollower(self._model, self._config)
        self._trajectory = JointTrajectory(self._model, self._config)
        self._waiting: deque[tuple[int, Callable[[int], str]]] = deque()
        #: name of the active controller, '' if there is none
        self.controller = ''
        #: why the driver's process is gone, '' if it is not
        self.shutdown_reason = ''
        #: what a controller complained of last
        self.warning = ''

    def reset(self, position: Array) -> None:
        """Put the arm somewhere (n,) [rad], idle, and start the driver's process anew."""
        self.arm.reset(position)
        self.restart()

    def recover(self) -> None:
        """
        Clear the arm's errors.

        :raises RefusedError: the arm is in motion.
        """
        self.arm.recover()

    def activate(self, controller: str, now_ns: int) -> None:
        """
        Activate a controller.

        :param controller: one of ``CONTROLLERS``.
        :raises UnknownNameError: it is not.
        :raises RefusedError: the arm is not idle, or the driver's process is gone.
        """
        if controller not in CONTROLLERS:
            raise UnknownNameError('controller', controller, CONTROLLERS)
        if self.shutdown_reason:
            raise RefusedError(f'the driver has shut down ({self.shutdown_reason}); restart it')
        self.arm.start(Interface.EFFORT)
        self.controller = controller
        self._stream.forget()
        self._motion.start(self.arm.joint_position)
        self._active().activate(now_ns)

    def deactivate(self) -> None:
        """Deactivate the controller, if one is active; the arm brakes and holds."""
        if self.controller:
            self._active().deactivate()
            self.controller = ''
            self.arm.stop()

    def on_joint_command(
        self,
        stamp_ns: int,
        names: Sequence[str] | None,
        position: Sequence[float] | Array,
        now_ns: int,
    ) -> None:
        """
        Take a target for the joint follower.

        :param names: ignored, as the follower ignores them.
        :param position: in the order of the joints [rad].
        """
        values = np.array(position, dtype=np.float64)
        self._send(now_ns, lambda now: self._follower.receive(stamp_ns, values, now))

    def on_trajectory(
        self,
        joint_names: Sequence[str],
        points: Sequence[TrajectoryPoint],
        stamp_ns: int,
        now_ns: int,
    ) -> str:
        """
        Take a trajectory for the joint trajectory controller.

        :returns: why it would be rejected now, '' if it would not.
        """
        message = tuple(joint_names), tuple(points), stamp_ns
        self._send(now_ns, lambda now: self._trajectory.receive(*message, now))
        if self.controller != CONTROLLERS[1]:
            return 'the controller is not active'
        return read_trajectory(self._model, *message, now_ns)[1]

    def measured(self) -> tuple[Array, Array]:
        """Give positions and velocities (n,) as they are published, with noise [rad, rad/s]."""
        return self.arm.measured()

    def step(self, now_ns: int) -> None:
        """Let one millisecond pass, which ends at a time [ns]."""
        self._deliver(now_ns)
        self.arm.step(self._packet(now_ns) if self.controller else None)
        if self.arm.mode is RobotMode.REFLEX and self.controller:
            self._active().deactivate()
            self.controller = ''

    def _active(self) -> JointFollower | JointTrajectory:
        return self._trajectory if self.controller == CONTROLLERS[1] else self._follower

    def _send(self, now_ns: int, receive: Callable[[int], str]) -> None:
        """Put a message on the way."""
        if not self.shutdown_reason:
            self._waiting.append((now_ns + self._delay_ns, receive))

    def _deliver(self, now_ns: int) -> None:
        """Hand over the messages that have arrived."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            self.warning = self._waiting.popleft()[1](now_ns) or self.warning

    def _packet(self, now_ns: int) -> Array | None:
        """Give the torque of this millisecond, or None for a packet that gets lost."""
        try:
            torque = self._active().update(self.arm.joint_position, self.arm.joint_velocity, now_ns)
        except ControllerShutdownError as error:
            self._shut_down(str(error))
            return None
        if self._config.strict and (broken := self._broken()) is not None:
            self.arm.abort(broken)
        lost = self._config.packet_loss > 0.0 and self._random.random() < self._config.packet_loss
        return None if lost else self._limited(torque)

    def _shut_down(self, reason: str) -> None:
        """End the driver's process; the arm is left without packets."""
        self._active().deactivate()
        self._waiting.clear()
        self.controller, self.shutdown_reason = '', reason

    def _broken(self) -> FciError | None:
        """Say what the controller's reference breaks of the limits of motion generation."""
        if self.controller == CONTROLLERS[1]:
            reference = self._trajectory.reference
            return None if reference is None else self._motion.next(reference)
        for stamp_ns, position in self._follower.take_received():
            if error := self._stream.next(stamp_ns, position, self.arm.joint_position):
                return error
        return None

    def _limited(self, torque: Array) -> Array:
        """Limit the rate of a torque (n,) [Nm] as libfranka does; NaN stays NaN."""
        last = self.arm.torque
        return last + np.minimum(np.maximum(torque - last, -self._step), self._step)
