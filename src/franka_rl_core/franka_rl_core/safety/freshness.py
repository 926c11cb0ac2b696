# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Freshness: the robot state and the target are each young enough."""

from __future__ import annotations

from franka_rl_core.safety.base import Limit, Proposal, Reason
from franka_rl_core.state import ArmState


class FreshnessLimit(Limit):
    """Hold when the state or the target is too old, or their age is not known."""

    name = 'freshness'

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        # One age at a time and in this form, so that NaN holds.
        if not proposal.state_age <= self.config.max_state_age:
            proposal.refuse(None, Reason.STALE_STATE)
        if not proposal.target_age <= self.config.max_target_age:
            proposal.refuse(None, Reason.STALE_TARGET)
