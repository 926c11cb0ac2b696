# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The last mile: the only node that commands the robot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from franka_rl_core.envs.config import safety_config
from franka_rl_core.exceptions import RefusedError
from franka_rl_core.guard.explanations import EXPLANATIONS
from franka_rl_core.guard.guard import STALL_S, Guard, GuardLimits, GuardState
from franka_rl_core.robot_model import available_robots, load_robot
from franka_rl_core.safety.base import Reason, SafetyConfig, Verdict
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.settings import build, setting
from franka_rl_interfaces.msg import GuardStatus, JointTarget, StepLatency
from franka_rl_nodes import drivers, qos
from franka_rl_nodes.command_stream import STREAMS, find_stream
from franka_rl_nodes.conversions import (
    joint_position_from_msg,
    joint_state_from_msg,
    stamp_from_msg,
)
from franka_rl_nodes.diagnostics import ERROR, OK, WARN, Diagnostics, Report
from franka_rl_nodes.guard_moves import Moves
from franka_rl_nodes.guard_operations import FOLLOWING, Operations
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.polling import PolledSubscription
from franka_rl_nodes.runtime import give_up, leave, serve
from franka_rl_nodes.steady_loop import SteadyLoop

# A policy's period and the guard's may differ by rounding only.
PERIOD_TOLERANCE_S = 1e-6
# Real-time priority of the stream, where the system permits it.
PRIORITY = 20
# The status is repeated so often, as a heartbeat [s].
HEARTBEAT_S = 0.1
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
    limits: dict[str, Any] = setting({}, 'overrides of GuardLimits: jerk_fraction, tether, ...')
    rate: float = setting(1000.0, 'ticks a second', unit='Hz', low=100.0, high=1000.0)
    controller: str = setting(
        'joint_follower', 'controller of the robot that is commanded', choices=lambda: STREAMS
    )
    same_clock: bool = setting(
        True, "whether the arm's computer has the time of this one, to 10 ms (joint_trajectory)"
    )
    driver: str = setting('none', 'what drives the robot', choices=drivers.available)
    driver_options: dict[str, Any] = setting({}, 'names of the driver, see DriverConfig')

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: robot, controller or driver is unknown, or the bundle is none or for
            another robot.
        """
        load_robot(self.robot)
        find_stream(self.controller)
        only = drivers.find(self.driver).robot
        if only not in ('', self.robot):
            raise RefusedError(f'driver {self.driver} is for the {only}, not for the {self.robot}')
        build(drivers.DriverConfig, self.driver_options)
        build(GuardLimits, self.limits)
        _period_and_safety(self)


CONFIG = GuardConfig


class GuardNode(Node):
    """
    Turns joint targets into a jerk-limited stream of joint commands.

    Subscribes ``franka/joint_states`` and ``joint_target``, publishes the commands of the chosen
    controller, ``~/status`` and ``~/latency``, serves ``~/arm`` (``std_srvs/SetBool``),
    ``~/recover`` (``std_srvs/Trigger``) and the action ``~/move_joints``. Starts disarmed, and
    sends nothing until it is armed.

    Arming streams where the arm is, starts the robot's controller, and takes targets as soon as
    that follows. The stream is made by a thread of its own; what waits for the robot's driver runs
    in another one.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('guard', **kwargs)
        config = declare(self, GuardConfig)
        config.check()
        self._config = config
        self._model = load_robot(config.robot)
        period, safety = _period_and_safety(config)
        self._period = period
        limits = build(GuardLimits, config.limits)
        chain = SafetyChain(self._model, period, safety)
        stream = find_stream(config.controller)
        self._guard = Guard(
            self._model, chain, period, limits, stream.lead_s, stream.carries_on
        )
        self._lock = threading.RLock()  # of the guard
        self._reported: tuple[Any, ...] = ()
        self._asked: tuple[JointTarget, float] | None = None  # and when it came [s]
        # Why a target was refused; to say it in the stream's thread would stop that for long.
        self._refused = ''
        self._make_topics(config)
        self._ops = Operations(
            self._guard,
            self._lock,
            config.controller,
            lambda: self.count_publishers(self._stream.topic),
            self._publish_status,
        )
        self._ops.driver = self._make_driver(config)
        self._moves = Moves(self, self._model, self._guard, self._lock, self._ops)
        self._loop = SteadyLoop(
            1.0 / config.rate, self._on_tick, STALL_S, self._on_error, PRIORITY
        )
        self._publish_status()
        self._loop.start()

    def _make_driver(self, config: GuardConfig) -> drivers.Driver:
        if config.driver == 'none':
            self._ops.follower = FOLLOWING
        names = build(drivers.DriverConfig, config.driver_options)
        return drivers.find(config.driver)(self, self._model, self._ops.on_robot, names)

    def _make_topics(self, config: GuardConfig) -> None:
        self._stream = find_stream(config.controller)(
            self, self._model.joint_names, config.same_clock
        )
        self._states = PolledSubscription(self, JointState, 'franka/joint_states', qos.SENSOR)
        self._status = self.create_publisher(GuardStatus, '~/status', qos.LATCHED)
        self._latency = self.create_publisher(StepLatency, '~/latency', qos.REPORT)
        self._targets = PolledSubscription(self, JointTarget, 'joint_target', qos.COMMAND)
        self.create_subscription(
            String,
            'joint_follower_controller/state',
            self._on_follower,
            qos.LATCHED,
        )
        group = ReentrantCallbackGroup()
        self.create_service(SetBool, '~/arm', self._on_arm, callback_group=group)
        self.create_service(Trigger, '~/recover', self._on_recover, callback_group=group)
        # Not the ROS clock: the arm must be held when simulated time stands still.
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(HEARTBEAT_S, self._on_heartbeat, clock=steady)
        self._diagnostics = Diagnostics(self, self._report)

    def destroy_node(self) -> None:
        """End the stream first."""
        self._loop.stop()
        self._ops.close()
        super().destroy_node()

    # --- the stream ------------------------------------------------------------------------------

    def _on_tick(self, now: float) -> None:
        message, target = self._states.newest(), self._targets.newest()
        arrived = time.monotonic()  # the tick may be late
        with self._lock:
            if message is not None:
                self._observe(message, arrived)
            if target is not None:
                self._take(target, arrived)
            sample, motion = self._guard.command(now), self._guard.motion
            asked = self._asked
            follows = asked is not None and self._guard.decided >= asked[0].sequence
        if sample is not None and motion is not None:
            self._stream.send(sample, motion, now)
        if asked is not None and follows:
            self._asked = None
            self._publish_latency(*asked)
        if self._reported != self._summary():
            self._publish_status()

    def _observe(self, message: JointState, arrived: float) -> None:
        try:
            self._guard.monitor.observe(joint_state_from_msg(message, self._model), arrived)
        except RefusedError as error:
            self.get_logger().error(f'joint state refused: {error}', throttle_duration_sec=1.0)

    def _on_error(self, error: Exception) -> None:
        give_up(self, f'the command stream has ended: {error!r}')

    def _on_follower(self, message: String) -> None:
        self._ops.follower = message.data

    def _take(self, message: JointTarget, arrived: float) -> None:
        refused = self._propose(message, arrived)
        if refused is not None:
            self._guard.refuse(refused)
        else:
            self._asked = message, arrived

    def _propose(self, message: JointTarget, arrived: float) -> Reason | None:
        """Pass a target on, or say why not."""
        if not self._ops.accepts:
            return Reason.CONTROLLER
        if len(message.position) != len(message.joint_names):
            return Reason.WRONG_SHAPE
        try:
            target = joint_position_from_msg(message, self._model)
        except RefusedError as error:
            self._refused = str(error)
            return Reason.WRONG_JOINTS
        # In this form, so that NaN is refused.
        if not abs(message.period - self._period) <= PERIOD_TOLERANCE_S:
            self._refused = f'its period is {message.period} s, the guard has {self._period} s'
            return Reason.WRONG_PERIOD
        measured = self._guard.monitor.time_of(stamp_from_msg(message.header.stamp))
        self._guard.propose(target, message.sequence, measured, arrived)
        return None

    # --- arming and recovery ------------------------------------------------------

    async def _on_arm(
        self, request: SetBool.Request, response: SetBool.Response
    ) -> SetBool.Response:
        problem = await self._operate(self._ops.start if request.data else self._ops.leave)
        response.success, response.message = not problem, problem
        return response

    async def _on_recover(
        self, request: Trigger.Request, response: Trigger.Response
    ) -> Trigger.Response:
        problem = await self._operate(self._ops.recover)
        response.success = not problem
        response.message = problem or 'recovered; arm the guard to go on'
        return response

    def _operate(self, work: Callable[[], None]) -> Future:
        """Run an operation; the future gives '' or why it failed."""
        future = Future(executor=self.executor)

        def done(result: Any) -> None:
            if problem := result.result():
                self.get_logger().error(problem)
            self._publish_status()
            future.set_result(problem)

        self._ops.run(work).add_done_callback(done)
        return future

    # --- reports ---------------------------------------------------------------------------------

    def _on_heartbeat(self) -> None:
        self._ops.look()
        if refused := self._refused:
            self._refused = ''
            self.get_logger().error(f'target refused: {refused}', throttle_duration_sec=1.0)
        self._publish_status()

    def _summary(self) -> tuple[Any, ...]:
        guard = self._guard
        known = guard.state, guard.verdict, guard.reason
        return self._ops.phase, self._ops.detail, self._ops.accepts, *known

    def _state(self) -> int:
        if self._guard.state is GuardState.FAULT:
            return GuardStatus.FAULT
        if self._ops.phase is not None:
            return self._ops.phase
        recovered = self._guard.state is GuardState.ARMED and not self._ops.accepts
        return GuardStatus.ARMING if recovered else int(self._guard.state)

    def _say(self) -> str:
        """Explain the present state in a sentence."""
        if self._ops.detail:
            return self._ops.detail
        if self._state() == GuardStatus.ARMING:
            return 'recovered: call ~/arm to go on'
        text = EXPLANATIONS[self._guard.reason]
        if self._guard.reason in (Reason.COLLISION, Reason.JOINT_RANGE) and self._guard.problem:
            text = self._guard.problem
        if self._ops.robot is not None and self._ops.robot.errors:
            text += f'; the robot says: {", ".join(self._ops.robot.errors)}'
        if self._guard.state is GuardState.FAULT:
            text += '; call ~/recover, then ~/arm'
        return text

    def _publish_status(self) -> None:
        guard = self._guard
        if guard.state is GuardState.FAULT and self._reported[3:4] != (guard.state,):
            self.get_logger().error(f'fault: {guard.reason.name.lower()}: {self._say()}')
        self._reported = self._summary()
        message = GuardStatus(
            state=self._state(),
            verdict=int(guard.verdict),
            reason=guard.reason.name.lower(),
            detail=self._say(),
            passed=guard.counts[Verdict.PASSED],
            clipped=guard.counts[Verdict.CLIPPED],
            held=guard.counts[Verdict.HELD],
        )
        message.header.stamp = self.get_clock().now().to_msg()
        self._status.publish(message)

    def _publish_latency(self, target: JointTarget, start: float) -> None:
        took = time.monotonic() - start  # first: this thread may lose its core after any line
        now = self.get_clock().now().nanoseconds
        total = 1e-9 * (now - stamp_from_msg(target.header.stamp))
        message = StepLatency(
            sequence=target.sequence, observation_age=total - took, computation=took, total=total
        )
        message.header = target.header
        self._latency.publish(message)

    def _report(self) -> Report:
        guard = self._guard
        values = {verdict.name.lower(): count for verdict, count in guard.counts.items()}
        values['reason'] = guard.reason.name.lower()
        values['left_out_ticks'] = self._loop.left_out
        took = self._loop.percentiles_us(50, 99)
        values |= dict(zip(('tick_us_p50', 'tick_us_p99'), took, strict=False))
        return _LEVELS[guard.state], guard.state.name.lower(), values


def _period_and_safety(config: GuardConfig) -> tuple[float, SafetyConfig]:
    if not config.policy:
        return config.control_period, build(SafetyConfig, config.safety)
    from franka_rl_core.policies.bundle import read_metadata

    trained = read_metadata(Path(config.policy)).config
    if trained.robot != config.robot:
        raise RefusedError(f'the policy is for {trained.robot!r}, the robot is {config.robot!r}')
    return trained.control_period, safety_config(trained)


def main() -> None:
    """Run the node."""
    leave(serve(GuardNode))


if __name__ == '__main__':
    main()
