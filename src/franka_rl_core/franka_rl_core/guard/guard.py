# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the guard decides, without ROS: from a policy's targets to the robot's command stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.guard.decision import Answer, Decider, Look
from franka_rl_core.guard.monitor import StateMonitor
from franka_rl_core.guard.motion import Motion, Planner, Sample
from franka_rl_core.guard.motion_check import MotionCheck
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Reason, Verdict
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.settings import setting

# The arm goes on at its velocity for this share of the control period when the next target is late.
GRACE = 0.5
# A motion to a posture is longer, and has time; its points are this far apart [s].
_POSTURE_STEP_S = 0.05
# A target is expected one control period after the last one, and by so many ticks earlier or later.
_PUNCTUAL_TICKS = 1.2
# Who does not send for so long has stopped the arm: a controller keeps to its last target [s].
STALL_S = 0.02


class GuardState(IntEnum):
    """Whether the guard commands the robot."""

    DISARMED = 0
    ARMED = 1
    FAULT = 2


@dataclass(frozen=True)
class GuardLimits:
    """What the guard adds to the limits of the policy's safety chain."""

    jerk_fraction: float = setting(0.5, 'share of the joint jerk limits', low=0.01, high=0.95)
    tether: float = setting(
        0.1,
        'a command further from the measured position than a joint goes in so long at its velocity '
        'limit is a fault: five times what it moves in 40 ms at half of it',
        unit='s',
        low=0.01,
        high=0.5,
    )
    lost_state: float = setting(
        0.5, 'without a joint state for so long: a fault', unit='s', low=0.05, high=10.0
    )
    collision_margin: float = setting(
        0.01, 'shapes nearer than this count as touching', unit='m', low=0.0, high=0.2
    )
    table: bool = setting(True, 'whether the arm stands on a table')
    table_height: float = setting(
        0.0, 'height of the table in the base frame', unit='m', low=-2.0, high=1.0
    )
    home_speed: float = setting(
        0.15, 'share of the velocity limits on the way to a posture', low=0.01, high=0.5
    )


class _Decision(NamedTuple):
    """A target that is being decided on."""

    sequence: int  # of the target
    parts: Iterator[Answer | None]  # see Decider.parts


class _Wish(NamedTuple):
    """What has been decided on a target, and waits for the stream."""

    sequence: int  # of the target
    velocity: NDArray[np.float64] | None  # (7,) to change to [rad/s]; None to brake


class Guard:
    """
    Streams safe joint samples towards the newest target.

    Each target is checked by the safety chain, as in training, from where the command stream is.
    The velocity that leads there is approached with limited acceleration and jerk, kept for one
    control period and a half, and then the arm brakes. So every motion ends at rest by itself, and
    an arm whose policy has died stops. A motion is followed only if all of it is legal: joint
    ranges, velocity limits, no link that touches another one or the table. Where it is not, the
    arm brakes, or goes on with the motion that it has, which was checked in the same way.

    A command stream that runs away from the measured arm, or joint states that are lost or
    impossible, are latched faults: the arm brakes, the stream holds, and only :meth:`arm` starts
    anew, from the measured position.

    All times are those of one steady clock [s].

    :param model: the arm.
    :param chain: the safety chain of the policy's environment.
    :param control_period_s: period of the policy [s].
    :param limits: what the guard adds to the chain's limits.
    :param lead_s: motions begin so long after they were decided on, for commands that need time to
        arrive [s].
    :param carries_on: whether the arm goes on with its motion when no samples are sent.
    """

    def __init__(
        self,
        model: RobotModel,
        chain: SafetyChain,
        control_period_s: float,
        limits: GuardLimits | None = None,
        lead_s: float = 0.0,
        carries_on: bool = False,
    ) -> None:
        self._lead, self._carries_on = lead_s, carries_on
        self._model = model
        self._chain = chain
        self._period = control_period_s
        self._limits = limits or GuardLimits()
        self._tether = self._limits.tether * model.velocity  # (7,) [rad]
        self._planner, self._check = self._make_tools()
        self._way_planner, self._way_check = self._make_tools()  # for another thread
        self._decider = Decider(model, chain, control_period_s)
        self.monitor = StateMonitor(model)
        self.motion: Motion | None = None
        self.state = GuardState.DISARMED
        self.counts = dict.fromkeys(Verdict, 0)  # since it was armed
        self._sent, self._last = -np.inf, model.home  # when and what was sent last
        self._forget()

    def _make_tools(self) -> tuple[Planner, MotionCheck]:
        acceleration = self._chain.config.acceleration_fraction * self._model.acceleration
        jerk = self._limits.jerk_fraction * self._model.jerk
        table = self._limits.table_height if self._limits.table else None
        check = MotionCheck(self._model, self._limits.collision_margin, table)
        return Planner(self._model, acceleration, jerk), check

    def _forget(self) -> None:
        self._target: NDArray[np.float64] | None = None
        self._target_time = 0.0
        self._expected = -np.inf  # when the next target comes, if it is punctual [s]
        self._sequence = 0
        #: newest target that was decided on: the last sample follows it, or holds
        self.decided = 0
        self._new = False
        self._drop()
        self._leaving = False
        self._to_posture = False
        self.verdict, self.reason = Verdict.HELD, Reason.NO_TARGET
        #: what is wrong with the newest target, in words; of ranges and collisions
        self.problem = ''

    def _drop(self) -> None:
        """Forget what has been decided, or is being decided."""
        self._look: Look | None = None  # of the last tick
        self._decision: _Decision | None = None
        self._wish: _Wish | None = None

    def arm(self, now: float) -> None:
        """
        Start to command, from the measured position, with nothing remembered.

        :raises RefusedError: there is no fresh, finite state inside the position limits.
        """
        self.monitor.trust()
        position = self.measured_position(now)
        self._forget()
        self.monitor.problem = Reason.NONE
        self.counts = dict.fromkeys(Verdict, 0)
        self.motion = self._planner.stop(Sample.resting(position), now)
        self._sent, self._last = now, position
        self.state = GuardState.ARMED

    def measured_position(self, now: float) -> NDArray[np.float64]:
        """
        Give the measured position, for those who start from it: (7,) [rad].

        :raises RefusedError: there is no fresh, finite state inside the position limits.
        """
        position, problem = self.monitor.position, self.monitor.problem
        if position is None or not self.monitor.age(now) <= self._chain.config.max_state_age:
            raise RefusedError('cannot arm: no fresh joint state')
        if problem not in (Reason.NONE, Reason.STATE_JUMP):
            raise RefusedError(f'cannot arm: {problem.name.lower()}')
        if not ((position >= self._model.lower) & (position <= self._model.upper)).all():
            raise RefusedError(f'cannot arm: joints outside their limits: {position.tolist()}')
        return position

    def disarm(self) -> None:
        """Brake, and stop to command as soon as the arm rests; also clears a fault."""
        if self.motion is None:
            return
        self.stand_still()
        self._leaving = True

    def stand_still(self) -> None:
        """Brake and hold, and leave the way to a posture, if it is on one."""
        if self.motion is None:
            return
        self._to_posture = False
        self._target, self._new = None, False
        if self.state is not GuardState.FAULT:
            self._hold(Reason.NO_TARGET)
        self._brake()

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
        self._expected = now + self._period

    def refuse(self, reason: Reason) -> None:
        """Hold, because what came is no target."""
        self._target, self._new, self._decision = None, True, None
        if self.state is not GuardState.FAULT:
            self._hold(reason)

    def fault(self, reason: Reason) -> None:
        """Brake, hold, and take no target any more until it is armed anew."""
        if self.motion is None or self.state is GuardState.FAULT:
            return
        self.state = GuardState.FAULT
        self._to_posture = False
        self._hold(reason)
        self._brake()

    def way_to(self, posture: NDArray[np.float64], speed: float = 0.0) -> Motion:
        """
        Plan a motion of all joints from where the arm rests to a posture; see :meth:`set_out`.

        Changes nothing, and may run in another thread: it takes as long as some ticks.

        :param posture: (7,) [rad].
        :param speed: share of the velocity limits, 0 for the default.
        :raises RefusedError: the guard is not armed, the arm moves, or the way is not free.
        """
        self._refuse_if_not_ready()
        here = Sample.resting(self._last)
        velocity = (speed or self._limits.home_speed) * self._model.velocity
        motion = self._way_planner.to_position(here, posture, velocity, 0.0)
        times = np.arange(0.0, motion.end, _POSTURE_STEP_S).tolist()
        if problem := self._way_check.problem(motion, [*times, motion.end]):
            raise RefusedError(f'the straight way of the joints is not free: {problem}')
        return motion

    def set_out(self, way: Motion) -> float:
        """
        Begin a way; targets are refused on it.

        :returns: how long it takes [s].
        :raises RefusedError: the guard is not armed, the arm moves, or is not at the way's begin.
        """
        self._refuse_if_not_ready()
        if not np.array_equal(way.at(way.begin).position, self._last):
            raise RefusedError('the arm is not where its way begins: plan it again')
        self._go_on_with(way.beginning_at(self._next))
        self._to_posture = True
        self._drop()
        return float(way.end - way.begin)

    def _refuse_if_not_ready(self) -> None:
        if self.state is not GuardState.ARMED or self.motion is None:
            raise RefusedError('the guard is not armed: call its service ~/arm first')
        if not self.rests:
            raise RefusedError('the arm moves: wait until it rests')

    @property
    def rests(self) -> bool:
        """Whether the stream has come to rest."""
        return self.motion is not None and self._sent >= self.motion.end

    @property
    def on_its_way(self) -> bool:
        """Whether the arm goes to a posture, see :meth:`set_out`."""
        return self._to_posture

    @property
    def last_command(self) -> NDArray[np.float64]:
        """What was sent last: (7,) [rad]."""
        return self._last

    def command(self, now: float) -> Sample | None:
        """Give the sample to send now, or None if the guard does not command."""
        if self.motion is None:
            return None
        tick = now - self._sent
        if tick > STALL_S and not self._carries_on:
            self._start_again(now)
        # One thing in a tick: more would take more of it than there is to spare.
        wish = self._wish
        if wish is not None:
            # From the last sample on, so that this one already follows; but a controller that
            # carries on is further by now, however long ago that was.
            if self._carries_on:
                self._sent = now
            self._set_off(wish)
        here = self.motion.at(now)
        self._sent, self._last = now, here.position
        if now >= self.motion.begin:
            self.motion.before = None
        if self.state is GuardState.ARMED:
            self._watch(here, now)
        if wish is None and not self._decide(now, tick) and now >= self.motion.braking:
            self._end(now >= self.motion.end)
        return here if self.state is not GuardState.DISARMED else None

    def _start_again(self, now: float) -> None:
        """Go on from rest where the stream has stopped: it must not be thrown forward."""
        self.motion = self._planner.stop(Sample.resting(self._last), now)
        self._to_posture = False
        self._drop()
        if self.state is GuardState.ARMED:
            self._hold(Reason.STALLED)

    def _watch(self, here: Sample, now: float) -> None:
        """Look for what is a fault, or a reason to hold, whatever the policy asks for."""
        age, problem, measured = self.monitor.age(now), self.monitor.problem, self.monitor.position
        if not age <= self._limits.lost_state:
            self.fault(Reason.STALE_STATE)
        elif problem is not Reason.NONE or measured is None:
            self.fault(problem)
        elif not (np.abs(here.position - measured) <= self._tether).all():
            self.fault(Reason.TETHER)
        elif age <= self._chain.config.max_state_age:
            if self.reason is Reason.STALE_STATE:  # no longer; it goes on with the next target
                self._hold(Reason.STALE_TARGET)
        elif self.reason is not Reason.STALE_STATE:
            self._hold(Reason.STALE_STATE)
            self._to_posture = False
            self._brake()

    def _decide(self, now: float, tick: float) -> bool:
        """
        Go on to turn the newest target into a velocity to change to, or into braking.

        :param now: [s].
        :param tick: time since the last sample [s].
        :returns: whether this tick has had its work by that.
        """
        look, self._look = self._look, None
        if self._decision is not None:
            self._go_on(self._decision)
            return True
        if self.state is not GuardState.ARMED or self._leaving or self._to_posture:
            if self._new and self._to_posture:
                self.counts[Verdict.HELD] += 1
            self._new = False
            return False
        if not self._new:
            if abs(now - self._expected) <= _PUNCTUAL_TICKS * tick:
                self._look = self._decider.look(self._there)
            return False
        if self._target is None:
            self._wish_for(self._sequence, None)
        elif look is None:
            self._look = self._decider.look(self._there)
            return True
        else:
            ages = (self.monitor.age(now), now - self._target_time)
            parts = self._decider.parts(self._target, look, *ages)
            self._decision = _Decision(self._sequence, parts)
            self._go_on(self._decision)
        self._new = False
        return True

    def _go_on(self, decision: _Decision) -> None:
        """Do the next part, and take the answer if that was the last one."""
        answer = next(decision.parts)
        if answer is None:
            return
        self._decision = None
        self.verdict, self.reason, velocity = answer
        self._wish_for(decision.sequence, None if self.verdict is Verdict.HELD else velocity)

    def _wish_for(self, sequence: int, velocity: NDArray[np.float64] | None) -> None:
        if velocity is None:
            self.counts[Verdict.HELD] += 1
        self._wish = _Wish(sequence, velocity)

    def _set_off(self, wish: _Wish) -> None:
        """Change to a velocity, if all of the motion is legal; else brake in the next tick."""
        self._wish = None
        self.decided = wish.sequence
        if wish.velocity is None:
            self._brake()
            return
        hold_s = (1.0 + GRACE) * self._period
        motion = self._planner.with_velocity(self._there, wish.velocity, hold_s, self._next)
        if problem := self._check.problem(motion):
            self._hold(Reason.COLLISION if 'touch' in problem else Reason.JOINT_RANGE)
            self.problem = problem
            self._wish = _Wish(wish.sequence, None)
        else:
            self._go_on_with(motion)
        self.counts[self.verdict] += 1

    def _brake(self) -> None:
        """
        Brake now if that is legal, else later, as the present motion does.

        Now is when the last sample was sent, or the lead later: a motion goes on without a step.
        """
        self._drop()
        if self.motion is None or self.motion.braking <= self._next < self.motion.end:
            return  # it brakes already
        here = self._there
        motion = self._planner.stop(here, self._next)
        if here.at_rest or not self._check.problem(motion):
            self._go_on_with(motion)

    @property
    def _next(self) -> float:
        """When the next motion begins [s]."""
        return self._sent + self._lead

    @property
    def _there(self) -> Sample:
        """Where it begins."""
        assert self.motion is not None
        return self.motion.at(self._next)

    def _go_on_with(self, motion: Motion) -> None:
        """Follow another motion from its begin on."""
        motion.before, self.motion = self.motion, motion

    def _end(self, rests: bool) -> None:
        """React to a motion that brakes, or has come to rest."""
        if rests:
            self._to_posture = False
        if rests and self._leaving:
            self.motion = None
            self.state = GuardState.DISARMED
            self._forget()
        elif self.verdict is not Verdict.HELD:
            self._hold(Reason.STALE_TARGET)

    def _hold(self, reason: Reason) -> None:
        self.verdict, self.reason = Verdict.HELD, reason
