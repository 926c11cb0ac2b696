# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Reach: what the joints can do in one control period. Always the last limit of the chain."""

from __future__ import annotations

from franka_rl_core.arrays import Arrays
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.safety.base import Limit, Proposal, Reason, SafetyConfig
from franka_rl_core.safety.envelope import Envelope
from franka_rl_core.state import ArmState


class ReachLimit(Limit):
    """
    Clip to what velocity and acceleration allow from the measured state, see :class:`Envelope`.

    Held arms are slowed down to their stop here. The jerk limits of the robots (at least
    3750 rad/s³) allow any change of acceleration within a control period of 5 ms or more, so
    they cannot bind.
    """

    name = 'reach'

    def __init__(
        self, model: RobotModel, config: SafetyConfig, control_period_s: float, arrays: Arrays
    ) -> None:
        super().__init__(model, config, control_period_s, arrays)
        self._envelope = Envelope(model, config, control_period_s, arrays)

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        xp, measured = self.arrays.xp, proposal.position
        velocity = self._envelope.velocity(proposal)
        # A target that is not clipped keeps its bits.
        same = velocity == self._envelope.asked(proposal.target, measured)
        target = xp.where(same, proposal.target, measured + velocity * self.control_period_s)
        # An arm whose state is not finite is held where the chain said.
        target = xp.where(xp.isfinite(target), target, proposal.hold)
        proposal.clip(target, Reason.REACH)
        proposal.target = target  # that of held arms as well
