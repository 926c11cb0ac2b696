# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Verdicts, reasons, and the contract of a limit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.robot_model import RobotModel
from franka_rl_core.settings import setting
from franka_rl_core.state import ArmState


class Verdict(IntEnum):
    """What became of a target."""

    PASSED = 0
    CLIPPED = 1
    HELD = 2


# Arrays are compared five times as fast with an int as with an IntEnum.
_HELD = int(Verdict.HELD)


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
    max_state_age: float = setting(
        0.1, 'a robot state older than this holds the arm', unit='s', low=0.001, high=1.0
    )
    max_target_age: float = setting(
        0.15, 'a target older than this holds the arm', unit='s', low=0.001, high=1.0
    )


@dataclass
class Proposal:
    """The targets on their way through the chain; limits change it in place."""

    target: NDArray[np.float64]  # (N, 7) [rad]
    hold: NDArray[np.float64]  # (N, 7) where a held arm stays [rad]
    state_age: float  # [s]
    target_age: float  # [s]
    low: NDArray[np.float64]  # (N, 7) velocities that the arm's limits allow, see Envelope [rad/s]
    high: NDArray[np.float64]
    verdict: NDArray[np.uint8]  # (N,)
    reason: NDArray[np.uint8]  # (N,) of the first limit that gave the verdict
    velocity: NDArray[np.float64] | None = None  # (N, 7) Envelope's, as long as the target stays

    @property
    def held(self) -> NDArray[np.bool_]:
        """Which arms are held: (N,)."""
        return np.equal(self.verdict, _HELD)

    def refuse(self, rows: NDArray[np.bool_], reason: Reason) -> None:
        """Hold the arms in ``rows``."""
        fresh = rows & ~self.held
        self.target[fresh] = self.hold[fresh]
        self.velocity = None
        # Only a target leads an arm back that is out of its range; a held one stays there.
        self.low[fresh] = np.minimum(self.low[fresh], 0.0)
        self.high[fresh] = np.maximum(self.high[fresh], 0.0)
        self.verdict[fresh] = Verdict.HELD
        self.reason[fresh] = reason

    def clip(self, target: NDArray[np.float64], reason: Reason) -> None:
        """Take ``target`` (N, 7) instead, and mark the rows it changes; held rows keep theirs."""
        changed = (target != self.target).any(axis=1)
        if changed.any():
            changed &= ~self.held
            first = changed & (self.verdict == Verdict.PASSED)
            self.verdict[first] = Verdict.CLIPPED
            self.reason[first] = reason
            self.target = np.where(changed[:, None], target, self.target)
            self.velocity = None


class Limit(ABC):
    """
    One limit of the chain.

    :param model: the arm.
    :param config: how much of its limits may be used.
    :param control_period_s: time in which a target is to be reached [s].
    """

    #: Name under which the registry finds it: the name of its module.
    name: ClassVar[str]

    def __init__(self, model: RobotModel, config: SafetyConfig, control_period_s: float) -> None:
        self.model = model
        self.config = config
        self.control_period_s = control_period_s

    @abstractmethod
    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """
        Clip or hold what this limit does not allow.

        :param proposal: N targets; changed in place.
        :param arm: measured state of the N arms.
        """
