# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Policy inference: drives the arm to goals, one episode at a time."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.action.server import ServerGoalHandle
from rclpy.clock import Clock, ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.task import Future
from sensor_msgs.msg import JointState
from visualization_msgs.msg import Marker

from franka_rl_core.control_loop import ControlLoop, Proposed
from franka_rl_core.exceptions import BundleMismatchError, FrankaRLError, RefusedError
from franka_rl_core.policies.bundle import PolicyBundle
from franka_rl_core.settings import setting
from franka_rl_core.state import RobotState
from franka_rl_interfaces.action import RunEpisode
from franka_rl_interfaces.msg import JointTarget, StepLatency
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import goal_to_msg, joint_state_from_msg, stamp_to_msg, to_field
from franka_rl_nodes.diagnostics import OK, WARN, Diagnostics, Report
from franka_rl_nodes.episode import Episode
from franka_rl_nodes.goal_marker import goal_marker
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.polling import PolledSubscription
from franka_rl_nodes.runtime import give_up, leave, serve
from franka_rl_nodes.steady_loop import SteadyLoop

# Joint states are looked for so often when one is due; a driver sends one every 1 to 10 ms [s].
POLL_S = 0.001
# Real-time priority of the thread that acts; below those of the guard and a simulated arm.
PRIORITY = 5
# Before it is due, for so long [s].
POLL_EARLY_S = 0.005


@dataclass(frozen=True)
class PolicyConfig:
    """Parameters of the policy node."""

    policy: str = setting('', 'folder of the policy bundle')
    robot: str = setting('', 'robot that it shall drive; empty for the one of the bundle')
    autostart: bool = setting(
        True, 'configure and activate at once, else wait for the lifecycle services'
    )

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: the bundle is none, was changed, or is for another robot.
        """
        load(self)


CONFIG = PolicyConfig


def load(config: PolicyConfig) -> ControlLoop:
    """
    Load the bundle.

    :raises RefusedError: the bundle is none, was changed, or is for another robot.
    """
    if not config.policy:
        raise RefusedError('parameter policy must name the folder of a policy bundle')
    loop = ControlLoop(PolicyBundle(config.policy))
    if config.robot not in ('', loop.config.robot):
        raise BundleMismatchError(
            f'the policy is for robot {loop.config.robot!r}, this system has {config.robot!r}'
        )
    return loop


class PolicyNode(LifecycleNode):
    """
    Loads a bundle when configured, acts only when active, and only inside an episode.

    Subscribes ``franka/joint_states``, publishes ``joint_target``, ``goal``, ``target_marker`` and
    ``~/latency``, serves the action ``~/run_episode``. A thread of its own acts on the first joint
    state that is stamped a control period after the one it acted on before. An episode begins with
    its first action: when there is a fresh joint state and somebody subscribes to ``joint_target``,
    for which it waits 10 s. It ends when nobody does any more. No joint state, or one older than
    the bundle allows: no action, and it says so.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('policy', **kwargs)
        self._config = declare(self, PolicyConfig)
        self._loop: ControlLoop | None = None
        self._episode: Episode | None = None
        self._active = False
        self._sequence = 0
        self._problem = 'not configured'
        self._targets = self.create_publisher(JointTarget, 'joint_target', qos.COMMAND)
        self._goals = self.create_publisher(PoseStamped, 'goal', qos.LATCHED)
        self._marker = self.create_publisher(Marker, 'target_marker', qos.LATCHED)
        self._latency = self.create_publisher(StepLatency, '~/latency', qos.REPORT)
        self._states = PolledSubscription(self, JointState, 'franka/joint_states', qos.SENSOR)
        self._poll_from = 0.0  # [s], steady clock
        self._lock = threading.RLock()  # of the episode
        self._server = ActionServer(
            self,
            RunEpisode,
            '~/run_episode',
            self._run,
            goal_callback=self._on_goal,
            cancel_callback=lambda _: CancelResponse.ACCEPT,
        )
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._watch = self.create_timer(0.05, self._on_watch, clock=steady)
        self._diagnostics = Diagnostics(self, self._report)
        if self._config.autostart:
            self._autostart()
        self._loop_of_states = SteadyLoop(
            POLL_S, self._on_tick, POLL_S, self._on_error, PRIORITY
        )
        self._loop_of_states.start()

    def destroy_node(self) -> None:
        """Stop acting first."""
        self._loop_of_states.stop()
        super().destroy_node()

    def _on_error(self, error: Exception) -> None:
        give_up(self, f'the policy has ended: {error!r}')

    def _autostart(self) -> None:
        # Loaded here as well, so that a refusal ends the program instead of a transition.
        self._loop = load(self._config)
        self.trigger_configure()
        self.trigger_activate()

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load the bundle."""
        try:
            self._loop = self._loop or load(self._config)
        except FrankaRLError as error:
            self._problem = str(error)
            self.get_logger().error(f'refused: {error}')
            return TransitionCallbackReturn.FAILURE
        self._problem = 'not active'
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Accept episodes."""
        self._active, self._problem = True, ''
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop acting; a running episode ends."""
        self._active, self._problem = False, 'not active'
        self._end('deactivated')
        return super().on_deactivate(state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Forget the bundle."""
        self._loop = None
        self._problem = 'not configured'
        return super().on_cleanup(state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop acting for good."""
        self._active, self._problem = False, 'shut down'
        self._end('shut down')
        return super().on_shutdown(state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Stop acting."""
        self._active, self._problem = False, 'a transition failed'
        self._end('a transition failed')
        return super().on_error(state)

    def _on_goal(self, request: RunEpisode.Goal) -> GoalResponse:
        size = self._loop.parts.task.goal_size if self._loop else 0
        fits = len(request.goal) == size and np.isfinite(request.goal).all()
        with self._lock:  # the thread that acts sends a result before it forgets the episode
            free = self._episode is None
        if self._active and free and fits:
            return GoalResponse.ACCEPT
        reason = self._problem or 'an episode runs, or its size is wrong'
        self.get_logger().error(f'goal {list(request.goal)} refused: {reason}')
        return GoalResponse.REJECT

    async def _run(self, handle: ServerGoalHandle) -> RunEpisode.Result:
        assert self._loop is not None
        goal = np.array(handle.request.goal)
        limit = handle.request.time_limit or (
            self._loop.parts.task.max_episode_steps * self._loop.config.control_period
        )
        now = self.get_clock().now().nanoseconds
        pose = goal_to_msg(goal, self._loop.parts.model.base_frame, now)
        self._goals.publish(pose)
        self._marker.publish(goal_marker(pose))
        self._poll_from = 0.0
        episode = Episode(handle, goal, limit, now, Future(executor=self.executor))
        self._episode = episode
        return await episode.future

    def _on_tick(self, now: float) -> None:
        """Take the joint state on which it is time to act, as soon as it is there."""
        if self._episode is None or now < self._poll_from:
            return
        message = self._states.newest()
        if message is not None:
            with self._lock:
                self._on_state(message)

    def _on_state(self, message: JointState) -> None:
        episode = self._episode
        if episode is None or self._loop is None or not self._active:
            return
        start = time.monotonic()
        try:
            state = joint_state_from_msg(message, self._loop.parts.model)
        except RefusedError as error:
            self._problem = str(error)
            return
        stamp = int(state.stamp_ns[0])
        age = 1e-9 * (self.get_clock().now().nanoseconds - stamp)
        # One from the future says that clocks differ, or were set.
        if not abs(age) <= self._loop.parts.chain.config.max_state_age:
            self._say_stale(age)
            return
        self._problem = ''
        episode.last_state = start
        if not self._targets.get_subscription_count():
            self._say_unheard(episode, start)
        elif episode.is_due(stamp, self._loop.config.control_period):
            self._act(episode, state, start, age)
            self._poll_from = start - age + self._loop.config.control_period - POLL_EARLY_S

    def _act(self, episode: Episode, state: RobotState, start: float, age: float) -> None:
        assert self._loop is not None
        proposed = self._loop.propose(state, episode.goal[None])
        if episode.judge(int(state.stamp_ns[0]), proposed):
            self._episode = None
            return
        self._sequence += 1
        self._publish(state, proposed, start, age)
        episode.tell()  # not before: the target is in a hurry

    def _publish(self, state: RobotState, proposed: Proposed, start: float, age: float) -> None:
        assert self._loop is not None
        message = JointTarget(
            sequence=self._sequence,
            joint_names=list(self._loop.parts.model.joint_names),
            position=to_field(proposed.joint_target[0], 'float64'),
            period=self._loop.config.control_period,
        )
        message.header.stamp = stamp_to_msg(int(state.stamp_ns[0]))
        self._targets.publish(message)
        took = time.monotonic() - start
        latency = StepLatency(
            header=message.header,
            sequence=self._sequence,
            observation_age=age,
            computation=took,
            total=age + took,
        )
        self._latency.publish(latency)

    def _on_watch(self) -> None:
        with self._lock:
            self._look_after()

    def _look_after(self) -> None:
        """End an episode that is cancelled, or whose joint states have stopped."""
        episode = self._episode
        if episode is None or self._loop is None:
            return
        if episode.cancelled:
            self._end('cancelled')
        elif episode.is_overdue(time.monotonic()):
            self._end('no fresh joint state')
        elif (silence := time.monotonic() - episode.last_state) > 0.2:
            self._say_stale(silence)

    def _say_unheard(self, episode: Episode, now: float) -> None:
        """Wait for the guard, which DDS may not have found yet; a guard that is gone is the end."""
        self._problem = 'nobody subscribes to joint_target, a guard should: no action'
        self.get_logger().warning(self._problem, throttle_duration_sec=1.0)
        if not episode.waits_for_listeners(now):
            self._end('nobody subscribes to joint_target')

    def _say_stale(self, age: float) -> None:
        what = 'no fresh joint state for' if age > 0.0 else 'joint state from the future, by'
        self._problem = f'{what} {abs(age):.2f} s: no action'
        self.get_logger().warning(self._problem, throttle_duration_sec=1.0)

    def _end(self, reason: str) -> None:
        with self._lock:
            if self._episode is not None:
                self._episode.finish(False, reason)
                self._episode = None

    def _report(self) -> Report:
        values = {'actions': self._sequence, 'active': self._active}
        return (WARN, self._problem, values) if self._problem else (OK, 'active', values)


def main() -> None:
    """Run the node."""
    leave(serve(PolicyNode))


if __name__ == '__main__':
    main()
