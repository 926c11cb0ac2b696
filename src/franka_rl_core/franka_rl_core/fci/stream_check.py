# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Franka's limits of a motion, held against a stream of stamped joint positions."""

from __future__ import annotations

import numpy as np

from franka_rl_core.fci.errors import FciError
from franka_rl_core.fci.motion_check import MotionCheck
from franka_rl_core.robot_model import Array, RobotModel

#: The first position of a stream may be this far from the arm [rad].
START_TOLERANCE = 0.05
#: After so many milliseconds without a message the reference is taken to have come to rest.
REST_MS = 10


class StreamCheck:
    """
    Reads a stream as a 1 kHz reference that stands still between messages.

    The stamps count, not the arrivals, so that a link's delay and jitter are not held against the
    sender. A gap of more than ten milliseconds is taken for a rest, because nothing tells a late
    message from a stop there; the follower's own watchdog judges gaps.
    """

    def __init__(self, model: RobotModel) -> None:
        self._check = MotionCheck(model)
        self._stamp_ns: int | None = None

    def forget(self) -> None:
        """Let the next message be the first."""
        self._stamp_ns = None

    def next(self, stamp_ns: int, position: Array, measured: Array) -> FciError | None:
        """
        Take a message; say what it breaks.

        :param position: (n,) [rad].
        :param measured: where the arm is (n,) [rad].
        """
        last_ns, self._stamp_ns = self._stamp_ns, stamp_ns
        if last_ns is None:
            if not (np.abs(position - measured) <= START_TOLERANCE).all():
                finite = np.isfinite(position).all()
                return FciError.START_POSE if finite else FciError.NOT_FINITE
            self._check.start(position)
            return self._check.next(position)
        return self._go_on(round((stamp_ns - last_ns) * 1e-6), position)

    def _go_on(self, milliseconds: int, position: Array) -> FciError | None:
        """Take a position so long after the last one."""
        held = self._check.position.copy()
        if milliseconds <= 0:
            same = np.array_equal(position, held)
            return None if same else FciError.VELOCITY_DISCONTINUITY
        if milliseconds > REST_MS:
            self._check.start(held)
            return self._check.next(position)
        for _ in range(milliseconds - 1):
            if error := self._check.next(held):
                return error
        return self._check.next(position)
