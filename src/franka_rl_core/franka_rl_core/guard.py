# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the guard decides, without ROS: from a policy's targets to the robot's command stream."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Reason, Verdict
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.state import RobotState

# The command may be this far from the measured position before the guard takes it for a fault: five
# times what the arm moves in 40 ms at half its velocity limit.
TETHER_RAD = 0.2
# The arm goes on at its velocity for this share of the control period when the next target is late.
GRACE = 0.5


class GuardState(IntEnum):
    """Whether the guard commands the robot."""

    DISARMED = 0
    ARMED = 1
    FAULT = 2


@dataclass(frozen=True)
class Segment:
    """A straight joint motion at constant velocity, then rest."""

    start: NDArray[np.float64]  # (7,) [rad]
    velocity: NDArray[np.float64]  # (7,) [rad/s]
    begin: float  # [s]
    longest: float  # after this time it rests [s]

    def at(self, now: float) -> NDArray[np.float64]:
        """Give the joint position at a time: (7,) [rad]."""
        elapsed = min(max(now - self.begin, 0.0), self.longest)
        return self.start + elapsed * self.velocity


class Guard:
    """
    Streams safe joint positions towards the newest target.

    Each target is checked by the safety chain, as in training, and approached at constant velocity
    for one control period. Over any time t the velocity changes by no more than a (t + T), with the
    acceleration a that the chain allows and the control period T: a target that comes early changes
    it by its share of the period, and while one is late the arm goes on at its velocity. When none
    comes, it returns to the last one until that is too old; then, and on a bad target, it brakes
    and holds. A command that runs away from the measured arm is a latched fault: only :meth:`arm`
    starts anew, from the measured position.

    All times are those of one steady clock [s].

    :param model: the arm.
    :param chain: the safety chain of the policy's environment.
    :param control_period_s: period of the policy [s].
    """

    def __init__(self, model: RobotModel, chain: SafetyChain, control_period_s: float) -> None:
        self._model = model
        self._chain = chain
        self._period = control_period_s
        self._segment: Segment | None = None
        self._changed = -np.inf  # when the velocity did [s]
        # What it may change by at once [rad/s].
        self._change = chain.config.acceleration_fraction * model.acceleration * control_period_s
        self.state = GuardState.DISARMED
        self.counts = dict.fromkeys(Verdict, 0)  # since it was armed
        self._forget()

    def _forget(self) -> None:
        self._target: NDArray[np.float64] | None = None
        self._target_time = 0.0
        self._sequence = 0
        self._new = False
        self._grace = 0.0
        self.verdict, self.reason = Verdict.HELD, Reason.NO_TARGET

    def arm(self, state: RobotState | None, state_age: float, now: float) -> None:
        """
        Start to command, from the measured position, with nothing remembered.

        :param state: newest measured state of the one arm.
        :param state_age: its age [s].
        :raises RefusedError: there is no fresh, finite state inside the position limits.
        """
        if state is None or not state_age <= self._chain.config.max_state_age:
            raise RefusedError('cannot arm: no fresh joint state')
        position = state.joint_position[0]
        if not ((position >= self._model.lower) & (position <= self._model.upper)).all():
            raise RefusedError(f'cannot arm: joints outside their limits: {position.tolist()}')
        self._forget()
        self.counts = dict.fromkeys(Verdict, 0)
        self._segment = Segment(position.copy(), np.zeros_like(position), now, 0.0)
        self._changed = -np.inf
        self.state = GuardState.ARMED

    def disarm(self) -> None:
        """Stop to command; also clears a fault."""
        self.state = GuardState.DISARMED
        self._forget()

    def propose(self, target: NDArray[np.float64], sequence: int, time: float, now: float) -> None:
        """
        Take a new target.

        :param target: (7,) [rad], for one control period after its observation.
        :param sequence: grows with every target since the guard was armed.
        :param time: when the observation was made that it was computed from [s]; one in the future
            counts as now, or it would never grow old.
        :param now: [s].
        """
        if sequence <= self._sequence:
            self.refuse(Reason.OUT_OF_ORDER)
            return
        if target.shape != self._model.home.shape:
            self.refuse(Reason.WRONG_SHAPE)
            return
        self._sequence = sequence
        self._target, self._target_time, self._new = target, min(time, now), True

    def refuse(self, reason: Reason) -> None:
        """Hold, because what came is no target."""
        self._target, self._new = None, True
        self.reason = reason

    def command(
        self, state: RobotState | None, state_age: float, now: float, lead: float
    ) -> NDArray[np.float64] | None:
        """
        Give the joint position to send now.

        :param state: newest measured state of the one arm.
        :param state_age: its age [s].
        :param now: [s].
        :param lead: time until the robot has reached what is sent now: the period of the command
            stream [s].
        :returns: (7,) [rad], or None if the guard does not command.
        """
        if self.state is not GuardState.ARMED or self._segment is None:
            return None
        here = self._segment.at(now)
        if state is None or not (np.abs(here - state.joint_position[0]) <= TETHER_RAD).all():
            self._fault(Reason.TETHER)
            return None
        if self._new or now >= self._segment.begin + (1.0 + self._grace) * self._period:
            # A tick of the command stream may come late, too; after two there is no stream.
            longest = (1.0 + GRACE) * self._period + 2.0 * lead
            streaming = now <= self._segment.begin + longest
            velocity = self._segment.velocity if streaming else np.zeros_like(here)
            velocity = self._plan(here, velocity, state_age, now)
            if not self._grace and (np.abs(velocity) <= self._change).all():
                longest = self._period  # slow enough to stop exactly there
            self._segment = Segment(here, velocity, now, longest)
        return self._segment.at(now + lead)

    def _plan(
        self,
        here: NDArray[np.float64],
        velocity: NDArray[np.float64],
        state_age: float,
        now: float,
    ) -> NDArray[np.float64]:
        """Check the newest target from where the command stream is; give the velocity to go on."""
        reference = RobotState(here[None], velocity[None], np.zeros(1, np.int64))
        refused = self._target is None
        # What is not there is passed on as not a number, which holds.
        target = np.full_like(here, np.nan) if self._target is None else self._target
        command = self._chain(
            target[None],
            self._model.arm_state(reference),
            hold=here[None],
            state_age=state_age,
            target_age=0.0 if refused else now - self._target_time,
        )
        self.verdict = Verdict(int(command.verdict[0]))
        if not refused:
            self.reason = Reason(int(command.reason[0]))
        if self._new or not refused:
            self.counts[self.verdict] += 1
        # Without a new target, the arm goes back to the last one, and stays.
        self._grace = GRACE if self._new and self.verdict is not Verdict.HELD else 0.0
        self._new = False
        change: NDArray[np.float64] = (command.joint_position[0] - here) / self._period - velocity
        if not change.any():
            return velocity
        # What the chain allows is for a whole period after the last change.
        share = min((now - self._changed) / self._period, 1.0)
        self._changed = now
        return velocity + share * change

    def _fault(self, reason: Reason) -> None:
        self.state = GuardState.FAULT
        self.verdict, self.reason = Verdict.HELD, reason
