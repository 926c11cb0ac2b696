# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""One episode of the policy node."""

from __future__ import annotations

import math
import time

import numpy as np
from numpy.typing import NDArray
from rclpy.action.server import ServerGoalHandle
from rclpy.task import Future

from franka_rl_core.control_loop import Proposed
from franka_rl_interfaces.action import RunEpisode

# A state that is this much early is taken, so that a small jitter of the driver does not cost a
# whole period.
EARLY_NS = 1_000_000
# Time beyond its limit after which an episode without joint states is given up [s].
PATIENCE_S = 1.0
# Time in which DDS finds the guard and the arm, on a busy machine [s].
DISCOVERY_S = 10.0


class Episode:
    """
    Progress of one ``RunEpisode`` goal.

    :param handle: the action's goal.
    :param goal: (G,) in the robot base frame [m].
    :param time_limit: [s].
    :param now_ns: when the goal came: it acts on what is measured from then on [ns].
    :param future: completed with the result when the episode ends.
    """

    def __init__(
        self,
        handle: ServerGoalHandle,
        goal: NDArray[np.float64],
        time_limit: float,
        now_ns: int,
        future: Future,
    ) -> None:
        self.goal = goal
        self.future = future
        self.last_state = time.monotonic()  # when the newest joint state came [s]
        self._handle = handle
        self._limit = time_limit
        self._accepted = time.monotonic()
        self._began: float | None = None  # when it acted first [s]
        self._first_ns: int | None = None
        self._due_ns = now_ns
        self._steps = 0
        self._distance = math.nan
        self._elapsed = 0.0

    @property
    def cancelled(self) -> bool:
        """Whether the client has asked to stop."""
        return bool(self._handle.is_cancel_requested)

    def waits_for_listeners(self, now: float) -> bool:
        """
        Say whether to wait because nobody listens yet; the time limit begins after that.

        Nobody is waited for twice: who has listened and is gone has died.
        """
        return self._began is None and now - self._accepted <= DISCOVERY_S

    def is_due(self, stamp_ns: int, period_s: float) -> bool:
        """Say whether to act on a joint state of this stamp, and if so count it."""
        if stamp_ns < self._due_ns - EARLY_NS:
            return False
        period = round(period_s * 1e9)
        # Next time is one period after the last due time, not after the last action, unless one
        # was missed.
        on_time = self._first_ns is not None and stamp_ns - self._due_ns < period
        self._due_ns = (self._due_ns if on_time else stamp_ns) + period
        return True

    def is_overdue(self, now: float) -> bool:
        """Say whether it has lasted too long by the steady clock: no joint state to act on came."""
        if self._began is None:
            return now - self._accepted > DISCOVERY_S + PATIENCE_S
        return now - self._began > self._limit + PATIENCE_S

    def judge(self, stamp_ns: int, proposed: Proposed) -> bool:
        """Look where the arm is, and say whether the episode has ended."""
        if self._first_ns is None:
            self._first_ns, self._began = stamp_ns, time.monotonic()
        elapsed = 1e-9 * (stamp_ns - self._first_ns)
        self._distance = float(proposed.distance[0])
        if proposed.success[0]:
            self.finish(True, 'reached', elapsed)
            return True
        if elapsed >= self._limit:
            self.finish(False, 'time is up')
            return True
        self._steps += 1
        self._elapsed = elapsed
        return False

    def tell(self) -> None:
        """Tell the client how far it is."""
        feedback = RunEpisode.Feedback(distance=self._distance, elapsed=self._elapsed)
        self._handle.publish_feedback(feedback)

    def finish(self, success: bool, message: str, elapsed: float = math.nan) -> None:
        """Complete the action."""
        if self.cancelled:
            self._handle.canceled()
        elif success or message == 'time is up':
            self._handle.succeed()
        else:
            self._handle.abort()
        self.future.set_result(
            RunEpisode.Result(
                success=success,
                message=message,
                final_distance=self._distance,
                time_to_success=elapsed,
                steps=self._steps,
            )
        )
