# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Finiteness: no NaN and no infinity in the target or in the measured state."""

from __future__ import annotations

import numpy as np

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
        total = proposal.target + arm.joint_position + arm.joint_velocity
        finite = np.isfinite(total).all(axis=1)
        if not finite.all():
            proposal.refuse(np.logical_not(finite), Reason.NOT_FINITE)
