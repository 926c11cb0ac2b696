# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Verdicts, reasons, and the contract of a limit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.settings import setting
from franka_rl_core.state import ArmState


class Verdict(IntEnum):
    """What became of a target."""

    PASSED = 0
    CLIPPED = 1
    HELD = 2


# Arrays are compared five times as fast with an int as with an IntEnum.
_PASSED, _CLIPPED, _HELD = map(int, Verdict)


class Reason(IntEnum):
    """Why a target was clipped or held."""

    NONE = 0
    STALE_STATE = 1
    STALE_TARGET = 2
    NOT_FINITE = 3
    JOINT_RANGE = 4
    WORKSPACE = 5
    REACH = 6
    # Found before there is a target; the guard reports them.
    WRONG_SHAPE = 7
    WRONG_JOINTS = 8
    OUT_OF_ORDER = 9
    NO_STATE = 10
    NO_TARGET = 11
    TETHER = 12
    WRONG_PERIOD = 13
    STATE_NOT_FINITE = 14
    STATE_JUMP = 15
    COLLISION = 16
    ROBOT = 17
    CONTROLLER = 18
    OTHER_COMMANDER = 19
    STALLED = 20


@dataclass(frozen=True)
class SafetyConfig:
    """How much of the robot's limits a policy may use; part of every policy bundle."""

    velocity_fraction: float = setting(
        0.5, 'share of the joint velocity limits', low=0.01, high=1.0
    )
    acceleration_fraction: float = setting(
        0.5, 'share of the joint acceleration limits', low=0.01, high=1.0
    )
    joint_margin: float = setting(
        0.05, 'distance kept to the joint position limits', unit='rad', low=0.0, high=0.5
    )
    floor_shift: float = setting(
        0.0,
        'how much higher than the box of the robot the tool must stay; below 0 for lower, where '
        'the table is lower too',
        unit='m',
        low=-1.0,
        high=1.0,
    )
    max_state_age: float = setting(
        0.1, 'a robot state older than this holds the arm', unit='s', low=0.001, high=1.0
    )
    max_target_age: float = setting(
        0.15, 'a target older than this holds the arm', unit='s', low=0.001, high=1.0
    )


@dataclass
class Proposal:
    """
    The targets on their way through the chain; limits change its fields, not their arrays.

    Here the joints come first: the values of a joint lie in a row in memory, which PyTorch's
    compiler keeps to.
    """

    arrays: Arrays
    position: Array  # (7, N) measured [rad]
    speed: Array  # (7, N) measured [rad/s]
    target: Array  # (7, N) [rad]
    hold: Array  # (7, N) where a held arm stays [rad]
    state_age: float  # [s]
    target_age: float  # [s]
    low: Array  # (7, N) velocities that the arm's limits allow, see Envelope [rad/s]
    high: Array
    verdict: Array  # (N,) uint8
    reason: Array  # (N,) uint8 of the first limit that gave the verdict
    velocity: Array | None = None  # (7, N) Envelope's, as long as the target stays
    most: bool = False  # arms that need more than one arithmetic for all are left over
    undecided: Array | None = None  # (N,) of bool, those that were

    @property
    def held(self) -> Array:
        """Which arms are held: (N,)."""
        return self.verdict == _HELD

    def refuse(self, rows: Array | None, reason: Reason) -> None:
        """Hold the arms in ``rows`` (N,), all if None."""
        xp = self.arrays.xp
        if rows is not None and not self.arrays.may_be_any(rows):
            return
        free = self.verdict != _HELD
        fresh = free if rows is None else xp.logical_and(rows, free)
        self.target = xp.where(fresh, self.hold, self.target)
        self.velocity = None
        # Only a target leads an arm back that is out of its range; a held one stays there.
        self.low = xp.where(fresh, xp.minimum(self.low, 0.0), self.low)
        self.high = xp.where(fresh, xp.maximum(self.high, 0.0), self.high)
        self.verdict = xp.where(fresh, _HELD, self.verdict)
        self.reason = xp.where(fresh, int(reason), self.reason)

    def clip(self, target: Array, reason: Reason) -> None:
        """Take ``target`` (7, N) instead, and mark the rows it changes; held rows keep theirs."""
        xp = self.arrays.xp
        changed = xp.any(target != self.target, axis=0)
        if not self.arrays.may_be_any(changed):
            return
        changed = xp.logical_and(changed, self.verdict != _HELD)
        first = xp.logical_and(changed, self.verdict == _PASSED)
        self.verdict = xp.where(first, _CLIPPED, self.verdict)
        self.reason = xp.where(first, int(reason), self.reason)
        self.target = xp.where(changed, target, self.target)
        self.velocity = None


class Limit(ABC):
    """
    One limit of the chain.

    :param model: the arm.
    :param config: how much of its limits may be used.
    :param control_period_s: time in which a target is to be reached [s].
    :param arrays: where targets and states live.
    """

    #: Name under which the registry finds it: the name of its module.
    name: ClassVar[str]

    def __init__(
        self, model: RobotModel, config: SafetyConfig, control_period_s: float, arrays: Arrays
    ) -> None:
        self.model = model
        self.arrays = arrays
        self.config = config
        self.control_period_s = control_period_s

    @abstractmethod
    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """
        Clip or hold what this limit does not allow.

        :param proposal: N targets; changed in place.
        :param arm: measured state of the N arms.
        """

    def parts(self, proposal: Proposal, arm: ArmState) -> Iterator[None]:
        """Do what :meth:`apply` does, with pauses where it takes long."""
        self.apply(proposal, arm)
        yield from ()
