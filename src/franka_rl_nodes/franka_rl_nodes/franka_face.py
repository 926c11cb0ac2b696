# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator's ``fci`` mode: the topics of franka_ros2, over an arm that refuses as Franka's."""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Any

from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from franka_rl_core.exceptions import FrankaRLError
from franka_rl_core.fci.config import FciConfig
from franka_rl_core.fci.controllers import ControllerShutdownError
from franka_rl_core.fci.driver import FrankaDriver
from franka_rl_core.fci.trajectory import TrajectoryPoint
from franka_rl_core.robot_model import RobotModel
from franka_rl_interfaces.msg import RobotStatus
from franka_rl_interfaces.srv import SwitchController
from franka_rl_nodes import qos
from franka_rl_nodes.broadcasters import Broadcasters
from franka_rl_nodes.command_stream import FollowerStream, TrajectoryStream
from franka_rl_nodes.conversions import joint_state_to_msg, stamp_from_msg, stamp_to_msg
from franka_rl_nodes.polling import PolledSubscription
from franka_rl_nodes.runtime import give_up
from franka_rl_nodes.steady_loop import GridClock, SteadyLoop

# After a pause of the computer the arm's time is made up for, up to so much of it [s].
_LONGEST_DELAY_S = 2.0
_STATUS_PERIOD_S = 0.1
_TICK_S = 0.001
# While its time is made up for, the arm is seen so often [s]: often enough to be followed.
_LATE_PERIOD_S = 0.01
# Real-time, where the system permits it: a real arm's loop is never late.
_PRIORITY = 20
_FOLLOWER_STATE = 'joint_follower_controller/state'


class FrankaFace:
    """
    A simulated arm behind what franka_ros2 shows: 1,000 joint states a second, two controllers.

    Publishes ``franka/joint_states``, ``joint_follower_controller/state``, ``robot_status`` and
    what :class:`Broadcasters` adds; subscribes ``joint_command`` and
    ``joint_trajectory_controller/joint_trajectory``; serves ``~/switch_controller`` and
    ``~/error_recovery``. A controller that shuts the driver down ends the node, as it does with the
    real one.

    :param node: the node.
    :param model: the arm.
    :param config: how strict the arm is, and how bad the link to it.
    :param seed: of noise and losses.
    """

    def __init__(self, node: Node, model: RobotModel, config: FciConfig, seed: int = 0) -> None:
        self._node, self._model = node, model
        self._driver = FrankaDriver(model, config, seed)
        self._driver.reset(model.home)
        self._lock = threading.Lock()  # of the driver: services are answered by another thread
        self.steps = 0
        self._clock = GridClock()
        self._said = ''
        self._waiting: deque[JointState | JointTrajectory] = deque()
        self._reported: Any = None
        self._shown = 0.0  # when a joint state was published last [s], steady clock
        self._publish = node.create_publisher(JointState, 'franka/joint_states', qos.SENSOR).publish
        self._follower = node.create_publisher(String, _FOLLOWER_STATE, qos.LATCHED)
        self._status = node.create_publisher(RobotStatus, 'robot_status', qos.LATCHED)
        # Deeper than the real controllers', whose loops are never late: here all must be judged.
        self._targets = PolledSubscription(node, JointState, FollowerStream.topic, qos.ALL)
        self._trajectories = PolledSubscription(
            node, JointTrajectory, TrajectoryStream.topic, qos.ALL
        )
        node.create_service(SwitchController, '~/switch_controller', self._on_switch)
        node.create_service(Trigger, '~/error_recovery', self._on_recovery)
        self._broadcasters = Broadcasters(node, model, self._driver)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        node.create_timer(_STATUS_PERIOD_S, self._publish_status, clock=steady)
        self._loop = SteadyLoop(
            _TICK_S, self._on_tick, _LONGEST_DELAY_S, self._on_error, _PRIORITY
        )
        self._loop.start()

    def close(self) -> None:
        """Stop the arm's time."""
        self._loop.stop()

    def values(self) -> dict[str, Any]:
        """Give what diagnostics say."""
        took = self._loop.percentiles_us(50, 99)
        arm = self._driver.arm
        return {
            'robot_mode': arm.mode.name.lower(),
            'errors': ', '.join(arm.errors),
            'left_out_ticks': self._loop.left_out,
            **dict(zip(('tick_us_p50', 'tick_us_p99'), took, strict=False)),
        }

    def _on_tick(self, due: float) -> None:
        now = self._clock.stamp_ns(due)
        with self._lock:
            self._take_commands(now)
            self._driver.step(now)
        self.steps += 1
        self._broadcasters.publish(self.steps, now)
        steady = time.monotonic()
        # While time is made up for, nobody would see all the states in between.
        if steady - due < _TICK_S or steady - self._shown > _LATE_PERIOD_S:
            self._shown = steady
            position, velocity = self._driver.measured()
            self._publish(joint_state_to_msg(self._model.joint_names, position, velocity, now))
        self._react()

    def _take_commands(self, now: int) -> None:
        """
        Hand over what has come by now.

        The computer may be late, the arm is not: what was sent after the arm's present time waits.
        """
        self._waiting += [*self._targets.messages(), *self._trajectories.messages()]
        latest = self._clock.stamp_ns(time.monotonic())
        while self._waiting:
            message = self._waiting[0]
            stamp = stamp_from_msg(message.header.stamp)
            if now < stamp <= latest:
                break
            self._waiting.popleft()
            if isinstance(message, JointTrajectory):
                self._on_trajectory(message, now)
            else:
                self._driver.on_joint_command(stamp, message.name, message.position, now)

    def _react(self) -> None:
        """Say what has changed."""
        driver = self._driver
        if driver.warning:
            self._node.get_logger().warning(driver.warning, throttle_duration_sec=1.0)
            driver.warning = ''
        if driver.shutdown_reason:
            raise ControllerShutdownError(driver.shutdown_reason)
        if self._reported != (driver.arm.mode, driver.arm.errors):
            self._publish_status()
            if driver.arm.errors:
                self._node.get_logger().error(f'reflex: {", ".join(driver.arm.errors)}')
        state = driver.controller_state if driver.controller != 'joint_trajectory' else 'INACTIVE'
        if state != self._said:
            self._said = state
            self._follower.publish(String(data=state))

    def _on_error(self, error: Exception) -> None:
        give_up(self._node, f'the driver has ended: {error}')

    def _on_trajectory(self, message: JointTrajectory, now_ns: int) -> None:
        points = [
            TrajectoryPoint(
                stamp_from_msg(point.time_from_start),
                point.positions,
                point.velocities,
                point.accelerations,
            )
            for point in message.points
        ]
        stamp = stamp_from_msg(message.header.stamp)
        self._driver.on_trajectory(message.joint_names, points, stamp, now_ns)

    def _on_switch(
        self, request: SwitchController.Request, response: SwitchController.Response
    ) -> SwitchController.Response:
        try:
            with self._lock:
                self._switch(request.controller, request.active)
            response.success = True
        except FrankaRLError as error:
            response.message = str(error)
        return response

    def _switch(self, controller: str, active: bool) -> None:
        if not active:
            self._driver.deactivate()
        elif controller != self._driver.controller:  # else it runs already
            self._driver.activate(controller, time.time_ns())

    def _on_recovery(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        try:
            with self._lock:
                self._driver.recover()
            response.success = True
        except FrankaRLError as error:
            response.message = str(error)
        return response

    def _publish_status(self) -> None:
        arm = self._driver.arm
        self._reported = arm.mode, arm.errors
        message = RobotStatus(
            mode=int(arm.mode),
            errors=[str(error) for error in arm.errors],
            last_motion_errors=[str(error) for error in arm.last_motion_errors],
            control_command_success_rate=float(arm.success_rate),
        )
        message.header.stamp = stamp_to_msg(time.time_ns())
        self._status.publish(message)
