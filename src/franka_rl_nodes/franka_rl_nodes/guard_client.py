# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a program that drives the arm asks of the guard and the robot."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from rclpy.action import ActionClient
from std_srvs.srv import SetBool, Trigger

from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_interfaces.action import MoveJoints
from franka_rl_interfaces.msg import GuardStatus, RobotStatus
from franka_rl_nodes import qos
from franka_rl_nodes.conversions import to_field
from franka_rl_nodes.runtime import BackgroundNode, call, first_call

START_TIMEOUT_S = 30.0
# Arming waits for the follower, which approaches slowly; a way to a posture is slow as well.
ARM_TIMEOUT_S = 15.0
MOVE_TIMEOUT_S = 60.0
SETTLE_S = 3.0
# A guard that has said nothing for so long is gone: its heartbeat is thirty times as fast.
SILENCE_S = 3.0


ARMS = ('auto', 'true', 'false')


def check_arm(text: str) -> None:
    """
    Check what the parameter ``arm`` says.

    :raises RefusedError: it is none of :data:`ARMS`.
    """
    if text not in ARMS:
        raise RefusedError(f'arm must be {", ".join(ARMS)}, not {text!r}')


def arms_itself(text: str, driver: str) -> bool:
    """
    Say whether a program arms the guard by itself, and recovers from faults.

    :param text: what the parameter ``arm`` says; ``auto`` is for simulated arms only.
    :param driver: what drives the arm.
    """
    return text == 'true' or (text == 'auto' and driver in ('none', 'fci'))


class GuardClient:
    """
    Arms the guard, has it move and recover, and counts what it and the robot say.

    :param ros: spins the node.
    """

    def __init__(self, ros: BackgroundNode) -> None:
        self._ros = ros
        self.status: GuardStatus | None = None
        self.counts = dict.fromkeys(('passed', 'clipped', 'held'), 0)
        #: names of the errors that the robot has stopped by
        self.reflexes: list[str] = []
        self._in_error = False
        self._heard = 0.0
        self._arm = ros.client(SetBool, 'guard/arm')
        self._recover = ros.client(Trigger, 'guard/recover')
        self._move = ActionClient(ros.node, MoveJoints, 'guard/move_joints')
        ros.node.create_subscription(GuardStatus, 'guard/status', self._on_status, qos.LATCHED)
        ros.node.create_subscription(RobotStatus, 'robot_status', self._on_robot, qos.LATCHED)

    @property
    def armed(self) -> bool:
        """Whether the guard takes targets."""
        return self.status is not None and self.status.state == GuardStatus.ARMED

    @property
    def fault(self) -> str:
        """Why the guard has latched a fault, '' if it has not."""
        if self.status is None or self.status.state != GuardStatus.FAULT:
            return ''
        return f'{self.status.reason}: {self.status.detail}'

    def is_there(self, seconds: float) -> bool:
        """Say whether a guard runs, which may take so long to find out [s]."""
        return bool(self._move.wait_for_server(timeout_sec=seconds))

    def arm(self, wanted: bool) -> None:
        """
        Arm or disarm.

        :raises RefusedError: the guard says no.
        :raises BackendLostError: it does not answer.
        """
        answer = first_call(self._arm, SetBool.Request(data=wanted), START_TIMEOUT_S, _patiently)
        if not answer.success:
            raise RefusedError(f'the guard refused: {answer.message}')
        self._wait_until_armed(wanted)

    def wait_for_operator(self) -> None:
        """Wait until somebody arms the guard."""
        print('waiting: arm the guard by its service guard/arm', flush=True)
        while not self.armed:
            time.sleep(0.1)

    def recover(self) -> None:
        """
        Have the robot leave its reflex; the guard has to be armed afterwards.

        :raises BackendLostError: it did not work.
        """
        answer = call(self._recover, Trigger.Request(), START_TIMEOUT_S)
        if not answer.success:
            raise BackendLostError(f'the recovery failed: {answer.message}')

    def go_to(self, posture: Any, speed: float = 0.0) -> None:
        """
        Move to a posture (7,) [rad], home if it is empty.

        :param speed: share of the velocity limits, 0 for the default.
        :raises RefusedError: the way is not free, or it was left.
        :raises BackendLostError: the guard does not answer.
        """
        if not self._move.wait_for_server(timeout_sec=START_TIMEOUT_S):
            raise BackendLostError('the guard does not answer')
        goal = MoveJoints.Goal(joint_position=to_field(posture, 'float64'), speed=speed)
        ask = partial(self._ros.answer, what='the guard')
        handle = ask(self._move.send_goal_async, goal, timeout_s=SETTLE_S)
        self._heard = time.monotonic()
        answer = ask(handle.get_result_async, timeout_s=MOVE_TIMEOUT_S, check=self._check_heard)
        if not answer.result.success:
            raise RefusedError(f'the arm did not arrive: {answer.result.message}')

    def _check_heard(self) -> None:
        if (silence := time.monotonic() - self._heard) > SILENCE_S:
            raise BackendLostError(f'the guard did not answer: no status for {silence:.0f} s')

    def _wait_until_armed(self, wanted: bool) -> None:
        """Wait for the status too, which holds the counts."""
        deadline = time.monotonic() + SETTLE_S
        while self.armed is not wanted and time.monotonic() < deadline:
            time.sleep(0.005)

    def _on_status(self, message: GuardStatus) -> None:
        # The counts begin anew when the guard is armed: those of the last time are complete.
        if self.armed and message.state != GuardStatus.ARMED:
            for name in self.counts:
                self.counts[name] += getattr(message, name)
        self.status = message
        self._heard = time.monotonic()

    def _on_robot(self, message: RobotStatus) -> None:
        if message.errors and not self._in_error:
            self.reflexes += message.errors
        self._in_error = bool(message.errors)


def _patiently(client: Any, request: Any, _: float) -> Any:
    return call(client, request, ARM_TIMEOUT_S)
