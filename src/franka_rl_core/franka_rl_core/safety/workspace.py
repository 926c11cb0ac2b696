# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Workspace: the tool stays inside a box."""

from __future__ import annotations

import math
from collections.abc import Iterator

from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.rows import Rows
from franka_rl_core.safety.base import Limit, Proposal, Reason, SafetyConfig
from franka_rl_core.safety.envelope import Envelope
from franka_rl_core.safety.slide import Motion, Slide, workspace_box
from franka_rl_core.state import ArmState


class WorkspaceLimit(Limit):
    """
    Keep the tool inside the workspace box of the robot, and where it can still stop inside.

    What counts is where the tool is after this control period, and its way to a stop if the arm
    braked from then on; so no sequence of targets leads out. A velocity that leads out loses that
    part of it, and the tool slides along the wall; where that fails, the arm brakes. An arm that is
    outside may move as long as it comes no further out than by braking.

    Only three points of that way are checked; between them the tool's arc may bulge out of the box:
    by less than 1 cm with the default shares of the limits, and 3 cm with any others, in the
    random sequences of ``test_safety.py``.
    """

    name = 'workspace'

    def __init__(
        self, model: RobotModel, config: SafetyConfig, control_period_s: float, arrays: Arrays
    ) -> None:
        super().__init__(model, config, control_period_s, arrays)
        self._envelope = Envelope(model, config, control_period_s, arrays)
        self._low, self._high = map(arrays.column, workspace_box(model, config))
        # No point of the tool is further than this from an axis of a joint.
        links = (abs(a) + abs(d) for _, a, d in model.chain.joints[1:])
        self._lever = sum(links) + math.dist(model.chain.tool_position, (0.0, 0.0, 0.0))
        self._slide = Slide(model, config, control_period_s, arrays)
        self._slide_few = Slide(model, config, control_period_s, arrays.of_few)

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        for _ in self.parts(proposal, arm):
            pass

    def parts(self, proposal: Proposal, arm: ArmState) -> Iterator[None]:
        """See :meth:`Limit.parts`."""
        velocity = self._envelope.velocity(proposal)
        jacobian = self.arrays.xp.permute_dims(arm.jacobian[:, :3], (1, 2, 0))
        if isinstance(velocity, Rows):
            self._apply_compiled(proposal, velocity, jacobian)
            return
        near = self._may_come_out(velocity, proposal.position, arm.tool_position.T, jacobian)
        if self.arrays.may_be_any(near):
            yield from self._look_after(proposal, near, jacobian)

    def _apply_compiled(self, proposal: Proposal, velocity: Rows, jacobian: Array) -> None:
        """Correct all, or say which need it: the same for all worlds, without a decision."""
        if proposal.most:
            proposal.undecided = self._slide.comes_out(velocity, proposal.position)
            return
        rows = [self.arrays.rows(row) for row in jacobian]
        proposal.clip(self._slide(self._motion(proposal, rows)), Reason.WORKSPACE)

    def _motion(self, proposal: Proposal, jacobian: Array) -> Motion:
        return Motion(
            proposal.target,
            self._envelope.velocity(proposal),
            jacobian,
            proposal.position,
            proposal.speed,
            proposal.low,
            proposal.high,
        )

    def _may_come_out(self, velocity: Array, start: Array, tool: Array, jacobian: Array) -> Array:
        """
        Say which tools might come near a wall, by the Jacobian: cheaper than the kinematics.

        The tool is where the Jacobian says, to r (Σ|Δq|)²/2: its second derivatives by the joint
        positions are no longer than the longest lever r.

        :param jacobian: (3, 7, N).
        :returns: (N,) of bool.
        """
        xp = self.arrays.xp
        stop = self._envelope.stop(velocity, start)
        motion = xp.abs(stop - start)  # nowhere on the way is it longer
        far = 0.5 * self._lever * xp.sum(motion, axis=0) ** 2
        far = far + xp.sum(xp.abs(jacobian) * motion, axis=1)
        inside = xp.logical_and(tool - far > self._low, tool + far < self._high)
        return ~xp.all(inside, axis=0)

    def _look_after(self, proposal: Proposal, near: Array, jacobian: Array) -> Iterator[None]:
        """
        Correct the targets of those tools ``near`` (N,) that would come out.

        Few do: they are looked after by :attr:`Arrays.of_few`, and gradients end.
        """
        motion, (worlds,) = self._motion(proposal, jacobian), self.arrays.xp.nonzero(near)
        if not len(worlds):
            return
        if len(worlds) < len(near):
            motion = Motion(*(part[..., worlds] for part in motion))
        few = Motion(*map(self.arrays.few, motion))
        tries, corrected = self._slide_few.parts(few), None
        while corrected is None:
            yield
            corrected = next(tries)
        if corrected is few.target:
            return
        arrays, target = self.arrays, proposal.target
        replaced = arrays.replaced(target.T, worlds, corrected.T).T
        proposal.clip(arrays.xp.where(replaced == target, target, replaced), Reason.WORKSPACE)
