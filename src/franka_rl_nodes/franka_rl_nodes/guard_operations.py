# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What takes the guard longer than a tick: arming, disarming, recovering."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

from franka_rl_core.exceptions import BackendLostError, FrankaRLError, RefusedError
from franka_rl_core.guard.guard import Guard
from franka_rl_core.safety.base import Reason
from franka_rl_interfaces.msg import GuardStatus, RobotStatus
from franka_rl_nodes.drivers import Driver

# The joint follower says FOLLOWING when it has come to where the stream is; it goes slowly.
FOLLOW_TIMEOUT_S = 10.0
# A joint state that is there at all has been found by DDS within this time [s].
DISCOVERY_S = 2.0
# An arm comes to rest from any speed, and a driver gives joint states again, within this time [s].
_SETTLE_S = 5.0
# Before a controller is started, the stream has run for so long.
_LEAD_S = 0.05
FOLLOWER, FOLLOWING = 'joint_follower', 'FOLLOWING'


class Operations:
    """
    Starts and stops the robot's controller around the guard's stream, in a thread of its own.

    One operation runs at a time; another one is refused meanwhile.

    :param guard: what streams, in yet another thread.
    :param lock: of the guard.
    :param controller: name of the robot's controller that is commanded.
    :param rivals: counts the nodes that publish on the command topic.
    :param report: called when ``phase`` or ``detail`` has changed.
    """

    def __init__(
        self,
        guard: Guard,
        lock: threading.RLock,
        controller: str,
        rivals: Callable[[], int],
        report: Callable[[], None],
    ) -> None:
        self._guard, self._lock = guard, lock
        self._controller = controller
        self._rivals, self._report = rivals, report
        self._worker = ThreadPoolExecutor(1, 'operations')
        self._busy = False
        self._ended = False
        #: starts and stops the controller; to be set before anything is asked for
        self.driver: Driver
        #: whether targets are taken
        self.accepts = False
        #: ARMING, RECOVERING or DISARMING while that goes on, and what is done just now
        self.phase: int | None = None
        self.detail = ''
        #: what the robot, and its joint follower, say of themselves
        self.robot: RobotStatus | None = None
        self.follower = ''

    def close(self) -> None:
        """Begin nothing any more."""
        self._ended = True
        self._worker.shutdown(wait=False, cancel_futures=True)

    def run(self, work: Callable[[], None]) -> Future[str]:
        """Run an operation; the result is '' or why it failed."""
        if self._busy:
            refused: Future[str] = Future()
            refused.set_result('the guard is busy: it arms, disarms or recovers already')
            return refused
        self._busy = True
        return self._worker.submit(self._run, work)

    def _run(self, work: Callable[[], None]) -> str:
        try:
            work()
        except FrankaRLError as error:
            return str(error)
        finally:
            self._busy = False
        return ''

    def start(self) -> None:
        """Stream where the arm is, start the controller, then take targets."""
        if self.accepts and not self.rests():
            raise RefusedError('the arm moves: disarm the guard first')
        if self.robot is not None and self.robot.errors:
            errors = ', '.join(self.robot.errors)
            raise RefusedError(f'cannot arm: the robot has stopped by {errors}; call ~/recover')
        if (rivals := self._rivals()) > 1:
            raise RefusedError(f'cannot arm: {rivals} nodes command the robot; only one guard may')
        self._give_time(lambda: self._guard.monitor.state is not None)
        with self._in_phase(GuardStatus.ARMING, 'the controller is being started'):
            self.accepts = False
            self._engage()
            self.accepts = True

    def leave(self) -> None:
        """Brake, stop the controller, then the stream."""
        with self._in_phase(GuardStatus.DISARMING, 'the arm comes to rest, then its stream ends'):
            self.accepts = False
            self._disengage()

    def recover(self) -> None:
        """Forget everything, have the robot leave its reflex, and stream where the arm is."""
        with self._in_phase(GuardStatus.RECOVERING, 'everything that was planned is dropped'):
            self.accepts = False
            with self._lock:
                self._guard.disarm()
            self._wait_for_silence()
            self.driver.deactivate(self._controller)
            for step in self.driver.recover():
                self._say(step)
            self._say('waiting for fresh joint states')
            with self._lock:
                self._guard.monitor.reset()
            fresh = 'no joint state after the recovery'
            self._wait(lambda: self._guard.monitor.state is not None, _SETTLE_S, fresh)
            self._say('the controller is being started')
            self._engage()

    def rests(self) -> bool:
        """Whether the stream rests, or there is none."""
        return self._guard.motion is None or self._guard.rests

    def _engage(self) -> None:
        """Stream the measured posture until the controller follows, or leave it all as it was."""
        # One that runs already, with an old target, would take the stream for a late one.
        self.driver.deactivate(self._controller)
        with self._lock:
            self._guard.arm(time.monotonic())
        try:
            time.sleep(_LEAD_S)  # the follower wants a stream before it starts
            self.driver.activate(self._controller)
            problem = 'the joint follower does not follow'
            self._wait(self._follows, FOLLOW_TIMEOUT_S, problem)
        except FrankaRLError:
            self._disengage()
            raise

    def _follows(self) -> bool:
        return self._controller != FOLLOWER or self.follower == FOLLOWING

    def _disengage(self) -> None:
        with self._lock:
            self._guard.stand_still()
        self._wait(self.rests, _SETTLE_S, 'the arm does not come to rest')
        try:
            self.driver.deactivate(self._controller)
        finally:
            with self._lock:
                self._guard.disarm()
            self._wait_for_silence()

    def _wait_for_silence(self) -> None:
        silent = 'the arm does not come to rest'
        self._wait(lambda: self._guard.motion is None, _SETTLE_S, silent)

    def _give_time(self, holds: Callable[[], bool]) -> None:
        """Wait for what may come; what follows if it does not is for others to say."""
        with suppress(BackendLostError):
            self._wait(holds, DISCOVERY_S, 'it does not come')

    def _wait(self, holds: Callable[[], bool], seconds: float, problem: str) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline or self._ended:
                raise BackendLostError(f'{problem} within {seconds:g} s')
            time.sleep(0.005)

    @contextmanager
    def _in_phase(self, phase: int, detail: str) -> Iterator[None]:
        self.detail = detail  # first: another thread may publish the status at any time
        self.phase = phase
        self._report()
        try:
            yield
        finally:
            self.phase, self.detail = None, ''

    def _say(self, detail: str) -> None:
        self.detail = detail
        self._report()

    # --- what the robot says ---------------------------------------------------------------------

    def on_robot(self, status: RobotStatus) -> None:
        """React to a robot that has stopped by itself."""
        self.robot = status
        stopped = status.mode in (RobotStatus.REFLEX, RobotStatus.USER_STOPPED)
        if (status.errors or stopped) and self.phase != GuardStatus.RECOVERING:
            self.fault(Reason.ROBOT)

    def look(self) -> None:
        """React, now and then, to a joint follower that has stopped, and to another commander."""
        if not self.accepts:
            return
        # Not as soon as it says so: a robot that has stopped it says why a moment later.
        if not self._follows():
            self.fault(Reason.CONTROLLER)
        elif self._rivals() > 1:
            self.fault(Reason.OTHER_COMMANDER)

    def fault(self, reason: Reason) -> None:
        """Have the guard latch a fault."""
        with self._lock:
            self._guard.fault(reason)
