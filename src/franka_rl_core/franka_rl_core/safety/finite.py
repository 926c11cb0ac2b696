# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Finiteness: no NaN and no infinity in the target or in the measured state."""

from __future__ import annotations

from franka_rl_core.safety.base import Limit, Proposal, Reason
from franka_rl_core.state import ArmState


class FiniteLimit(Limit):
    """
    Hold an arm whose target or measured state is not finite.

    Comes before every comparison: NaN passes those.
    """

    name = 'finite'

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        # A sum is not finite if a term is not; an overflow of finite terms is no sensible target
        # either.
        total = proposal.target + proposal.position + proposal.speed
        xp = self.arrays.xp
        proposal.refuse(~xp.all(xp.isfinite(total), axis=0), Reason.NOT_FINITE)
