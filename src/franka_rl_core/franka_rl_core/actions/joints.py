# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Joint control: an action is a displacement of the seven joints."""

from __future__ import annotations

from franka_rl_core.actions.base import ActionDecoder
from franka_rl_core.arrays import Array
from franka_rl_core.state import ArmState


class JointsDecoder(ActionDecoder):
    """Seven joint displacements, from where the joints are; panda-gym's scale of 0.05 rad."""

    name = 'joints'
    size = 7
    unit = 'rad'
    default_scale = 0.05

    def decode(self, action: Array, arm: ArmState) -> Array:
        """See :meth:`ActionDecoder.decode`."""
        return arm.joint_position + self.displacement(action)
