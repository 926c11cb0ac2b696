# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What was published while a policy drove the arm."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


@dataclass(frozen=True)
class Recording:
    """
    Messages as arrays, one row for each; joints in the robot's order, stamps in [ns].

    All have rows only from when the recorder was found on, which takes a moment.
    """

    reference_ns: Array
    reference: Array  #: (N, 7) where the arm's controller is told to go [rad]
    state_ns: Array
    position: Array  #: (N, 7) as published [rad]
    goal_ns: Array
    goal: Array  #: (N, 3) of the episodes, in the base frame [m]
    action_ns: Array  #: stamps of the observations that were acted on
    computation: Array  #: of the policy [s]
    command_latency: Array  #: from an observation to the guard's command [s]
    guard_counts: Array  #: (N, 3) passed, clipped, held, since the guard was armed
    guard_verdict: Array  #: of the newest target; 0 passed, 1 clipped, 2 held
    guard_reason: Array  #: why, as a word
    guard_tick: Array  #: (N, 2) p50 and p99 of the time that a tick takes [µs]
    mode_ns: Array
    mode: Array  #: of the robot, numbers of RobotStatus
    arrived: Array  #: share of the last hundred packets that the robot got

    def save(self, path: Path) -> None:
        """Write an .npz file."""
        np.savez(path, **{f.name: getattr(self, f.name) for f in dataclasses.fields(self)})

    @classmethod
    def load(cls, path: Path) -> Recording:
        """Read an .npz file."""
        with np.load(path) as content:
            return cls(**{f.name: content[f.name] for f in dataclasses.fields(cls)})
