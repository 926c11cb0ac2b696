# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The two torque controllers that turn commands at the pace of a policy into torques at 1 kHz."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import numpy as np

from franka_rl_core.exceptions import FrankaRLError
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.fci.motion_check import DT
from franka_rl_core.fci.sync_motion import SyncMotion
from franka_rl_core.fci.trajectory import Knot, Trajectory, TrajectoryPoint, read_trajectory
from franka_rl_core.robot_model import Array, RobotModel

# Gains of both. Sources: frankarobotics/franka_follower_controllers, launch/follower.launch.py;
# frankarobotics/franka_ros2, franka_fr3_moveit_config/config/fr3_ros_controllers.yaml.
STIFFNESS = np.array([600.0, 600.0, 600.0, 600.0, 250.0, 150.0, 50.0])  # [Nm/rad]
DAMPING = np.array([30.0, 30.0, 30.0, 30.0, 10.0, 10.0, 5.0])  # [Nm s/rad]
# Of the follower: share of a new velocity in the filtered one, age and gap of targets that it
# shuts down at, share of the sync motion's full speed. Source: joint_follower_controller.cpp.
K_ALPHA = 0.99
WATCHDOG_NS = 500_000_000
SYNC_SPEED = 0.2


class ControllerShutdownError(FrankaRLError):
    """A controller ended the process of the robot driver, with all that runs in it."""


class _Lag:
    """A first-order low-pass filter with one step per millisecond."""

    def __init__(self, time_constant: float) -> None:
        self._share = DT / (time_constant + DT)
        self._value: Array | None = None

    def reset(self) -> None:
        self._value = None

    def __call__(self, value: Array, first: Array) -> Array:
        """Filter a value (n,), beginning at ``first`` (n,)."""
        if self._share == 1.0:
            return value
        last = first if self._value is None else self._value
        self._value = last + self._share * (value - last)
        return self._value


class JointFollower:
    """
    The joint follower controller of franka_follower_controllers, as it behaves.

    Its watchdog runs only when a message arrives: a stream that stops is not noticed, the first
    message after the gap is. Finiteness, limits and steps are not checked. Names are ignored,
    positions are read by index. Activating it does not forget the old target.

    :param model: the arm.
    :param config: ``sync_after_activation`` and ``tracking_lag``.
    """

    def __init__(self, model: RobotModel, config: FciConfig | None = None) -> None:
        config = config or FciConfig()
        self._joints = len(model.joint_names)
        self._sync_first = config.sync_after_activation
        self._lag = _Lag(config.tracking_lag)
        self._sync: SyncMotion | None = None
        self._sync_start_ns = 0
        self._last_ns: int | None = None  # stamp of the last message, or time of the activation
        self._target: Array | None = None
        self._valid = False
        self._velocity = np.zeros(self._joints)  # filtered [rad/s]
        self._received: deque[tuple[int, Array]] = deque(maxlen=1000)  # if nobody takes them
        #: INACTIVE, SYNCING or FOLLOWING
        self.state = 'INACTIVE'
        #: where the law pulls to (n,) [rad], before the tracking lag; None for no torque
        self.reference: Array | None = None

    def receive(self, stamp_ns: int, position: Sequence[float] | Array, now_ns: int) -> str:
        """
        Take a message; also while inactive, but not before the first activation.

        :returns: a warning, '' if there is none.
        """
        if self._last_ns is None:
            return ''
        if len(position) < self._joints:
            return f'{len(position)} positions are too few: expected {self._joints}'
        self._target = np.array(position[: self._joints], dtype=np.float64)
        self._received.append((stamp_ns, self._target))
        gap, age = now_ns - self._last_ns, now_ns - stamp_ns
        self._last_ns = stamp_ns
        self._valid = gap < WATCHDOG_NS and age < WATCHDOG_NS
        if self._valid:
            return ''
        return f'target invalid: {gap * 1e-9:.3f} s after the last stamp, {age * 1e-9:.3f} s old'

    def take_received(self) -> list[tuple[int, Array]]:
        """Give what was received since the last call: stamps [ns] and positions (n,) [rad]."""
        received = list(self._received)
        self._received.clear()
        return received

    def activate(self, now_ns: int) -> None:
        """Begin to control."""
        self._last_ns = now_ns
        self._velocity[:] = 0.0
        self._sync = None
        self._received.clear()
        self._lag.reset()
        self.reference = None
        self.state = 'SYNCING' if self._sync_first else 'FOLLOWING'

    def deactivate(self) -> None:
        """Leave the arm alone."""
        self.state = 'INACTIVE'
        self.reference = None

    def update(self, position: Array, velocity: Array, now_ns: int) -> Array:
        """
        Give the torque (n,) of one millisecond [Nm].

        :param position: measured (n,) [rad].
        :param velocity: measured (n,) [rad/s].
        :raises ControllerShutdownError: it follows, and its newest target is invalid.
        """
        if self.state == 'SYNCING':
            self.reference = self._approach(position, now_ns)
        if self.state == 'FOLLOWING':
            if not self._valid:
                raise ControllerShutdownError('Timeout: No valid target joint states received!')
            self.reference = self._target
        if self.reference is None:
            return np.zeros(self._joints)
        goal = self._lag(self.reference, position)
        self._velocity = (1.0 - K_ALPHA) * self._velocity + K_ALPHA * velocity
        return STIFFNESS * (goal - position) - DAMPING * self._velocity

    def _approach(self, position: Array, now_ns: int) -> Array | None:
        """Move to the first valid target; nothing (no torque) until there is one."""
        if self._sync is None:
            if self._target is None or not self._valid:
                return None
            self._sync = SyncMotion(position, self._target, SYNC_SPEED)
            self._sync_start_ns = now_ns
        reference, done = self._sync.at((now_ns - self._sync_start_ns) * 1e-9)
        if done:
            self.state = 'FOLLOWING'
        return reference


class JointTrajectory:
    """
    ros2_control's joint trajectory controller on the effort interface (4.42, Jazzy).

    A new trajectory replaces the old one. It starts from the state that the old one wanted, or
    with ``interpolate_from_desired_state`` off from the measured one.

    :param model: the arm.
    :param config: ``interpolate_from_desired_state`` and ``tracking_lag``.
    """

    def __init__(self, model: RobotModel, config: FciConfig | None = None) -> None:
        self._model = model
        self._config = config or FciConfig()
        self._lags = _Lag(self._config.tracking_lag), _Lag(self._config.tracking_lag)
        self._new: tuple[int, list[Knot]] | None = None
        self._trajectory: Trajectory | None = None
        self._desired: Knot | None = None
        #: INACTIVE or ACTIVE
        self.state = 'INACTIVE'

    @property
    def reference(self) -> Array | None:
        """Where the law pulls to (n,) [rad], before the tracking lag; None before an update."""
        return None if self._desired is None else self._desired.position

    def receive(
        self,
        joint_names: Sequence[str],
        points: Sequence[TrajectoryPoint],
        stamp_ns: int,
        now_ns: int,
    ) -> str:
        """
        Take a trajectory for the next update.

        :param stamp_ns: when it starts; 0 means at the next update.
        :returns: why it is rejected, '' if it is accepted.
        """
        if self.state == 'INACTIVE':
            return 'the controller is not active'
        knots, reason = read_trajectory(self._model, joint_names, points, stamp_ns, now_ns)
        if not reason:
            self._new = stamp_ns, knots
        return reason

    def activate(self, now_ns: int) -> None:
        """Begin to control: hold the arm where the first update finds it."""
        self.deactivate()
        self.state = 'ACTIVE'

    def deactivate(self) -> None:
        """Leave the arm alone, and forget the trajectory."""
        self._new = self._trajectory = self._desired = None
        for lag in self._lags:
            lag.reset()
        self.state = 'INACTIVE'

    def update(self, position: Array, velocity: Array, now_ns: int) -> Array:
        """
        Give the torque (n,) of one millisecond [Nm].

        :param position: measured (n,) [rad].
        :param velocity: measured (n,) [rad/s].
        """
        zero = np.zeros_like(position)
        if self._desired is None:
            self._desired = Knot(now_ns, position.copy(), zero, zero)
        if self._new is not None:
            self._trajectory = self._start(position, velocity, now_ns)
        if self._trajectory is not None:
            self._desired = self._trajectory.at(now_ns)
        speed = zero if self._desired.velocity is None else self._desired.velocity
        goal = self._lags[0](self._desired.position, position)
        goal_velocity = self._lags[1](speed, zero)
        return STIFFNESS * (goal - position) + DAMPING * (goal_velocity - velocity)

    def _start(self, position: Array, velocity: Array, now_ns: int) -> Trajectory:
        """Begin the trajectory that was received last."""
        assert self._new is not None and self._desired is not None
        (stamp_ns, knots), self._new = self._new, None
        before = self._desired
        if not self._config.interpolate_from_desired_state:
            before = Knot(now_ns, position.copy(), velocity.copy(), None)
        start_ns = stamp_ns or now_ns
        moved = [
            Knot(start_ns + knot.time_ns, knot.position, knot.velocity, knot.acceleration)
            for knot in knots
        ]
        return Trajectory(before, moved)
