# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Workspace: the tool stays inside a box."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.safety.base import Limit, Proposal, Reason
from franka_rl_core.state import ArmState

# Halvings of the way to the target: 1/64 of it is at most 1.4 mm at full speed.
HALVINGS = 6


class WorkspaceLimit(Limit):
    """
    Shorten the joint motion until the tool's target is inside the workspace box of the robot.

    An arm that is outside already may move as long as the tool comes no further out. The reach limit comes later,
    so an arm at speed leaves the box by its braking distance.
    """

    name = 'workspace'

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        outside = self._outside(proposal.target)
        if not (outside > 0.0).any():
            return
        allowed = self._depth(arm.tool_position)
        rows = np.flatnonzero(outside > allowed)
        if len(rows):
            target = proposal.target.copy()
            target[rows] = self._shorten(arm.joint_position[rows], target[rows], allowed[rows])
            proposal.clip(target, Reason.WORKSPACE)

    def _shorten(
        self,
        start: NDArray[np.float64],
        end: NDArray[np.float64],
        allowed: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Bisect for the furthest point from ``start`` to ``end`` that is not further out than ``allowed`` [m]."""
        good, bad = np.zeros(len(start)), np.ones(len(start))
        for _ in range(HALVINGS):
            middle = 0.5 * (good + bad)
            inside = self._outside(start + middle[:, None] * (end - start)) <= allowed
            good, bad = np.where(inside, middle, good), np.where(inside, bad, middle)
        return start + good[:, None] * (end - start)

    def _outside(self, joint_position: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._depth(self.model.tool_position(joint_position))

    def _depth(self, tool_position: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distance to the box along its furthest axis, 0 inside: (N,) [m]."""
        low, high = self.model.workspace_lower, self.model.workspace_upper
        beyond = np.maximum(low - tool_position, tool_position - high)
        return np.maximum(beyond.max(axis=1), 0.0)
