# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The last mile: the only node that commands the robot."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.guard import Guard, GuardState
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.safety.base import Reason, SafetyConfig, Verdict
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.settings import build, setting
from franka_rl_core.state import RobotState
from franka_rl_interfaces.msg import GuardStatus, JointTarget, StepLatency
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import (
    joint_position_from_msg,
    joint_state_from_msg,
    joint_state_to_msg,
    stamp_from_msg,
)
from franka_rl_nodes.diagnostics import ERROR, OK, WARN, Diagnostics, Report
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.runtime import leave, serve

# A policy's period and the guard's may differ by rounding only.
PERIOD_TOLERANCE_S = 1e-6
_LEVELS = {GuardState.DISARMED: WARN, GuardState.ARMED: OK, GuardState.FAULT: ERROR}


@dataclass(frozen=True)
class GuardConfig:
    """Parameters of the guard node."""

    robot: str = setting('panda', 'robot', choices=available_robots)
    policy: str = setting(
        '',
        'policy bundle whose control period and safety limits are used; empty for the parameters',
    )
    control_period: float = setting(
        0.04, 'period of the policy (without a bundle)', unit='s', low=0.005, high=1.0
    )
    safety: dict[str, Any] = setting({}, 'overrides of SafetyConfig (without a bundle)')
    rate: float = setting(100.0, 'commands a second', unit='Hz', low=10.0, high=1000.0)

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: the robot is unknown, or the bundle is none or for another robot.
        """
        load_robot(self.robot)
        period, _ = _period_and_safety(self)
        commands = period * self.rate
        if commands < 0.999 or abs(commands - round(commands)) > 1e-6:
            raise RefusedError(
                f'the policy has a period of {period} s, the rate is {self.rate} Hz: '
                'the rate must be a multiple of that of the policy'
            )


CONFIG = GuardConfig


class GuardNode(Node):
    """
    Turns joint targets into a stream of safe joint commands.

    Subscribes ``franka/joint_states`` and ``joint_target``, publishes ``joint_command``,
    ``~/status`` and ``~/latency``, serves ``~/arm`` (``std_srvs/SetBool``). Starts disarmed, and
    sends nothing until it is armed.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('guard', **kwargs)
        config = declare(self, GuardConfig)
        config.check()
        self._model = load_robot(config.robot)
        period, safety = _period_and_safety(config)
        self._period = period
        self._guard = Guard(self._model, SafetyChain(self._model, period, safety), period)
        self._lead = 1.0 / config.rate
        self._state: RobotState | None = None
        self._received = -np.inf  # [s], steady clock
        self._reported: tuple[Any, ...] = ()
        self._commands = self.create_publisher(JointState, 'joint_command', qos.COMMAND)
        self._status = self.create_publisher(GuardStatus, '~/status', qos.LATCHED)
        self._latency = self.create_publisher(StepLatency, '~/latency', qos.REPORT)
        self.create_subscription(JointState, 'franka/joint_states', self._on_state, qos.SENSOR)
        self.create_subscription(JointTarget, 'joint_target', self._on_target, qos.COMMAND)
        self.create_service(SetBool, '~/arm', self._on_arm)
        # Not the ROS clock: the arm must be held when simulated time stands still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._timer = self.create_timer(self._lead, self._send, clock=steady)
        self._diagnostics = Diagnostics(self, self._report)
        self._publish_status()

    def _on_state(self, message: JointState) -> None:
        try:
            state = joint_state_from_msg(message, self._model)
        except RefusedError as error:
            self.get_logger().error(f'joint state refused: {error}', throttle_duration_sec=1.0)
            return
        # A driver that repeats itself says nothing new.
        if self._state is None or state.stamp_ns[0] > self._state.stamp_ns[0]:
            self._state, self._received = state, time.monotonic()

    def _on_target(self, message: JointTarget) -> None:
        start = time.monotonic()
        if len(message.position) != len(message.joint_names):
            self._guard.refuse(Reason.WRONG_SHAPE)
        else:
            self._propose(message)
        # At once, not at the next tick: the target is older then.
        self._send()
        if self._guard.state is GuardState.ARMED:
            self._publish_latency(message, start)

    def _propose(self, message: JointTarget) -> None:
        try:
            target = joint_position_from_msg(message, self._model)
        except RefusedError as error:
            self.get_logger().error(f'target refused: {error}', throttle_duration_sec=1.0)
            self._guard.refuse(Reason.WRONG_JOINTS)
            return
        # In this form, so that NaN is refused.
        if not abs(message.period - self._period) <= PERIOD_TOLERANCE_S:
            self.get_logger().error(
                f'target refused: its period is {message.period} s, the guard has {self._period} s',
                throttle_duration_sec=1.0,
            )
            self._guard.refuse(Reason.WRONG_PERIOD)
            return
        now = time.monotonic()
        self._guard.propose(target, message.sequence, self._time_of(message), now)

    def _time_of(self, message: JointTarget) -> float:
        """Bring a stamp to the steady clock, by the newest state's: both are the driver's."""
        if self._state is None:
            return -np.inf
        newest = int(self._state.stamp_ns[0])
        return self._received - 1e-9 * (newest - stamp_from_msg(message.header.stamp))

    def _send(self) -> None:
        now = time.monotonic()
        command = self._guard.command(self._state, now - self._received, now, self._lead)
        if command is not None:
            stamp = self.get_clock().now().nanoseconds
            names = self._model.joint_names
            self._commands.publish(joint_state_to_msg(names, command, (), stamp))
        if self._reported != self._summary():
            self._publish_status()

    def _on_arm(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        now = time.monotonic()
        response.success = True
        if request.data:
            try:
                self._guard.arm(self._state, now - self._received, now)
            except RefusedError as error:
                response.success, response.message = False, str(error)
        else:
            self._guard.disarm()
        self._publish_status()
        return response

    def _summary(self) -> tuple[Any, ...]:
        return self._guard.state, self._guard.verdict, self._guard.reason

    def _publish_status(self) -> None:
        guard = self._guard
        if guard.state is GuardState.FAULT and self._reported[:1] != (guard.state,):
            self.get_logger().error(f'fault: {guard.reason.name.lower()}')
        self._reported = self._summary()
        message = GuardStatus(
            state=int(guard.state),
            verdict=int(guard.verdict),
            reason=guard.reason.name.lower(),
            passed=guard.counts[Verdict.PASSED],
            clipped=guard.counts[Verdict.CLIPPED],
            held=guard.counts[Verdict.HELD],
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._status.publish(message)

    def _publish_latency(self, target: JointTarget, start: float) -> None:
        now = self.get_clock().now().nanoseconds
        total = 1e-9 * (now - stamp_from_msg(target.header.stamp))
        took = time.monotonic() - start
        message = StepLatency(
            sequence=target.sequence, observation_age=total - took, computation=took, total=total
        )
        message.header = target.header
        self._latency.publish(message)

    def _report(self) -> Report:
        guard = self._guard
        self._publish_status()
        values = {verdict.name.lower(): count for verdict, count in guard.counts.items()}
        values['reason'] = guard.reason.name.lower()
        return _LEVELS[guard.state], guard.state.name.lower(), values


def _period_and_safety(config: GuardConfig) -> tuple[float, SafetyConfig]:
    if not config.policy:
        return config.control_period, build(SafetyConfig, config.safety)
    from franka_rl_core.policies.bundle import read_metadata

    trained = read_metadata(Path(config.policy)).config
    if trained.robot != config.robot:
        raise RefusedError(f'the policy is for {trained.robot!r}, the robot is {config.robot!r}')
    return trained.control_period, build(SafetyConfig, trained.safety)


def main() -> None:
    """Run the node."""
    leave(serve(GuardNode))


if __name__ == '__main__':
    main()
