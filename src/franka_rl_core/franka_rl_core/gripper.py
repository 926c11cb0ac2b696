# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
When the gripper gets a command: rarely.

Franka's gripper takes about a second for a command and cannot be controlled at the rate of a
policy (frankarobotics/libfranka#28, TimSchneider42/franky#76). So a stream of wanted widths becomes
open or closed, one command at a time.
"""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass

from franka_rl_core.exceptions import RefusedError
from franka_rl_core.settings import setting


class Grip(enum.Enum):
    """What the gripper can be told."""

    OPEN = 'open'
    CLOSED = 'closed'


@dataclass(frozen=True)
class GripperThresholds:
    """
    Where a wanted width begins to mean something else; between them it means what it meant.

    :raises RefusedError: they are in the wrong order.
    """

    close_below: float = setting(0.03, 'closes when less is wanted', unit='m', low=0.0, high=0.1)
    open_above: float = setting(0.05, 'opens when more is wanted', unit='m', low=0.0, high=0.1)

    def __post_init__(self) -> None:
        if not self.close_below < self.open_above:
            raise RefusedError(
                f'close_below = {self.close_below} m must be less than '
                f'open_above = {self.open_above} m'
            )


class GripperLogic:
    """
    Turns wanted widths into commands: one when the wish changes, none while one is being done.

    A command that has failed is not repeated: closing on an object that is thicker or thinner than
    said counts as a failure and holds it nevertheless. One that was lost is.

    :param thresholds: with hysteresis.
    """

    def __init__(self, thresholds: GripperThresholds) -> None:
        self._thresholds = thresholds
        #: what is wanted; None before the first width that says so
        self.wish: Grip | None = None
        #: what is being done
        self.in_flight: Grip | None = None
        #: what was done last, whether it succeeded or not
        self.served: Grip | None = None
        #: widths that were no numbers, commands given, and those that failed
        self.refused = self.sent = self.failed = 0

    def want(self, width: float) -> None:
        """
        Take the newest wanted width.

        :param width: opening of both fingers [m]; what is no finite number is counted and dropped.
        """
        if not math.isfinite(width):
            self.refused += 1
        elif width > self._thresholds.open_above:
            self.wish = Grip.OPEN
        elif width < self._thresholds.close_below:
            self.wish = Grip.CLOSED

    @property
    def due(self) -> Grip | None:
        """What is to be sent now."""
        idle = self.in_flight is None and self.wish is not self.served
        return self.wish if idle else None

    def begin(self) -> Grip:
        """
        Note that what is due was sent.

        :returns: what it was.
        :raises RefusedError: nothing is due.
        """
        grip = self.due
        if grip is None:
            raise RefusedError('the gripper has nothing to do')
        self.in_flight = grip
        self.sent += 1
        return grip

    def end(self, success: bool) -> None:
        """Note that the command was done, or has failed."""
        self.served, self.in_flight = self.in_flight, None
        self.failed += not success

    def lose(self) -> None:
        """Note that nobody knows what became of the command: where the gripper is, neither."""
        self.served = self.in_flight = None
