# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A backend whose one world is the arm behind the guard: steps take real time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from rclpy.context import Context
from rclpy.node import Node
from sensor_msgs.msg import JointState

from franka_rl_core.arrays import Array
from franka_rl_core.backends.base import REAL_TIME, ROBOT, Backend
from franka_rl_core.exceptions import BackendLostError, FrankaRLError, RefusedError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.state import RobotState
from franka_rl_interfaces.msg import JointTarget
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import joint_state_from_msg, stamp_to_msg, to_field
from franka_rl_nodes.episode import EARLY_NS
from franka_rl_nodes.guard_client import GuardClient
from franka_rl_nodes.polling import PolledSubscription
from franka_rl_nodes.runtime import BackgroundNode, raise_if_shut_down

_POLL_S = 0.001
# A driver gives its first joint state, and a reset arm comes to rest, within this time [s].
_START_S = 30.0
_SETTLE_S = 3.0
_RESTS_RAD_S = 0.01
# An arm that is where it was, to this, and rests, has not moved [rad].
_UNMOVED_RAD = 0.001


class GuardBackend(Backend):
    """
    The real arm, or one that is simulated in real time, commanded through the guard.

    A step sends a target and waits for the joint state that is stamped a control period after the
    last one it returned, not a period after the call: time that the agent needs is part of the
    period. An agent that needs more than the period is late; that is counted in ``overruns``, and
    the step waits for a whole period, or what it returned would not show what the target did.

    A reset has the guard bring the arm to the posture, in a slow and checked motion; an arm that
    has stopped by itself is recovered first. ``interrupted`` says that the last step found it so.

    :param model: the arm.
    :param control_period_s: [s].
    :param arms: arm the guard without an operator, and recover a fault by itself: for simulated
        arms; else both are waited for.
    :param timeout_s: without a joint state for so long, the arm is lost [s].
    """

    name = ROBOT
    capabilities = frozenset({REAL_TIME})
    limits_targets = True

    def __init__(
        self,
        model: RobotModel,
        control_period_s: float,
        arms: bool,
        timeout_s: float = 4.0,
        context: Context | None = None,
    ) -> None:
        super().__init__(model, 1, control_period_s)
        self._arms, self._timeout_s = arms, timeout_s
        self.ros = BackgroundNode(Node('env_robot', context=context, use_global_arguments=False))
        node = self.ros.node
        self.guard = GuardClient(self.ros)
        self._targets = node.create_publisher(JointTarget, 'joint_target', qos.COMMAND)
        self._states = PolledSubscription(node, JointState, 'franka/joint_states', qos.SENSOR)
        self._sequence = 0
        self._due_ns = 0
        self._state: RobotState | None = None
        #: steps that began a control period after the last state, or later
        self.overruns = 0
        #: times that the arm had stopped by itself
        self.interruptions = 0
        self.interrupted = np.zeros(1, bool)

    def reset(
        self, joint_position: Array, worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`; takes seconds."""
        if worlds is not None and not len(worlds) and self._state is not None:
            return self._state
        self._be_armed()
        self.guard.go_to(joint_position[0])
        self.interrupted[:] = False
        self._state = self._at_rest()
        return self._state

    def step(self, joint_target: Array) -> RobotState:
        """See :meth:`Backend.step`; takes a control period, whatever the agent took of it."""
        target = self._checked(joint_target)[0]
        if self._state is None:
            raise RuntimeError('call reset() before the first step')
        now = self._newest() or self._state
        if int(now.stamp_ns[0]) >= self._due_ns:
            self.overruns += 1
            self._due_ns = int(now.stamp_ns[0]) + self._period_ns
        # What the agent has seen of an arm that has not moved since is as good as new.
        seen = self._state if _moves(self._state, now) else now
        self._send(target, int(seen.stamp_ns[0]))
        state = self._state_at(self._due_ns)
        late = int(state.stamp_ns[0]) - self._due_ns
        if late > self._period_ns // 2:  # joint states were missing
            self._due_ns = int(state.stamp_ns[0])
        self._due_ns += self._period_ns
        stopped = not self.guard.armed
        self.interruptions += stopped and not self.interrupted[0]
        self.interrupted[:] = stopped
        self._state = state
        return state

    def close(self) -> None:
        """See :meth:`Backend.close`; leaves the arm held and the guard disarmed."""
        try:
            if self._arms and self.guard.armed:
                self.guard.arm(False)
        except FrankaRLError:
            pass  # the guard is gone: nothing is left to disarm
        finally:
            self.ros.close()

    def _be_armed(self) -> None:
        if self.guard.fault:
            if not self._arms:
                raise BackendLostError(f'the guard has a fault: {self.guard.fault}')
            self.guard.recover()
        if self.guard.armed:
            return
        if self._arms:
            self.guard.arm(True)
        else:
            self.guard.wait_for_operator()

    def _send(self, target: Any, stamp_ns: int) -> None:
        self._sequence += 1
        message = JointTarget(
            sequence=self._sequence,
            joint_names=list(self.model.joint_names),
            position=to_field(target, 'float64'),
            period=self.control_period_s,
        )
        message.header.stamp = stamp_to_msg(stamp_ns)
        self._targets.publish(message)

    def _newest(self) -> RobotState | None:
        message = self._states.newest()
        return None if message is None else joint_state_from_msg(message, self.model)

    def _state_at(self, stamp_ns: int) -> RobotState:
        """Wait for the first joint state that is not before a stamp."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            state = self._newest()
            if state is not None and int(state.stamp_ns[0]) >= stamp_ns - EARLY_NS:
                return state
            raise_if_shut_down(self.ros.node.context)
            if time.monotonic() > deadline:
                raise BackendLostError(f'no joint state for {self._timeout_s:g} s')
            time.sleep(_POLL_S)

    def _at_rest(self) -> RobotState:
        """Wait until the arm has swung out; the next step begins then."""
        deadline = time.monotonic() + _SETTLE_S
        self._states.newest()
        while True:
            state = self._state_at(0)
            if np.abs(state.joint_velocity).max() < _RESTS_RAD_S:
                break
            if time.monotonic() > deadline:
                raise RefusedError('the arm does not come to rest at the start of the episode')
        self._due_ns = int(state.stamp_ns[0]) + self._period_ns
        return state


def _moves(before: RobotState, now: RobotState) -> bool:
    way = np.abs(now.joint_position - before.joint_position).max()
    speed = np.abs([before.joint_velocity, now.joint_velocity]).max()
    return bool(way > _UNMOVED_RAD or speed > _RESTS_RAD_S)
