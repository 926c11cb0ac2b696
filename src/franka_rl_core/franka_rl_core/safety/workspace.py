# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Workspace: the tool stays inside a box."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import NUMPY, Array, Arrays
from franka_rl_core.kinematics import damped_least_squares, tool_components
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.rows import Rows
from franka_rl_core.safety.base import Limit, Proposal, Reason, SafetyConfig
from franka_rl_core.safety.envelope import Envelope
from franka_rl_core.state import ArmState

Floats = NDArray[np.float64]

# Corrections of a velocity that leads out, each a little more than needed, before the arm brakes.
TRIES = 3
EXCESS = 1.05
# Of the least squares by which joints move the tool, as in actions/ee.py.
DAMPING = 0.02


class WorkspaceLimit(Limit):
    """
    Keep the tool inside the workspace box of the robot, and where it can still stop inside.

    What counts is where the tool is after this control period, and its way to a stop if the arm
    braked from then on; so no sequence of targets leads out. A velocity that leads out loses that
    part of it, and the tool slides along the wall; where that fails, the arm brakes. An arm that is
    outside may move as long as it comes no further out than by braking.

    Only three points of that way are checked; between them the tool's arc may bulge out of the box.
    In 150,000 steps to random far targets it did so by at most 6 mm with the default shares of the
    limits, and 2 cm with all of the velocity.
    """

    name = 'workspace'

    def __init__(
        self, model: RobotModel, config: SafetyConfig, control_period_s: float, arrays: Arrays
    ) -> None:
        super().__init__(model, config, control_period_s, arrays)
        self._envelope = Envelope(model, config, control_period_s, arrays)
        self._low = arrays.column(model.workspace_lower)
        self._high = arrays.column(model.workspace_upper)
        self._walls = (model.workspace_lower.tolist(), model.workspace_upper.tolist())
        # No point of the tool is further than this from an axis of a joint.
        links = (abs(a) + abs(d) for _, a, d in model.chain.joints[1:])
        self._lever = sum(links) + math.dist(model.chain.tool_position, (0.0, 0.0, 0.0))
        self._envelope_of_few = Envelope(model, config, control_period_s, NUMPY)
        self._correct = arrays.apart(self._keep_inside)

    def apply(self, proposal: Proposal, arm: ArmState) -> None:
        """See :meth:`Limit.apply`."""
        velocity = self._envelope.velocity(proposal)
        jacobian = self.arrays.xp.permute_dims(arm.jacobian[:, :3], (1, 2, 0))
        if isinstance(velocity, Rows):
            near = self._comes_out(velocity, proposal.position)
        else:
            near = self._may_come_out(velocity, proposal.position, arm.tool_position.T, jacobian)
        if self.arrays.may_be_any(near):
            parts = (proposal.held, jacobian, arm.joint_position.T, arm.joint_velocity.T)
            proposal.clip(self._correct(proposal.target, near, *parts), Reason.WORKSPACE)

    def _comes_out(self, velocity: Rows, start: Rows) -> Array:
        """Say which tools come out, exactly: cheap if compiled, and few are left to correct."""
        xp, inside = self.arrays.xp, []
        for place in self._envelope.braking_path(velocity, start):
            tool = tool_components(self.model.chain, list(xp.sin(place)), list(xp.cos(place)))
            for value, low, high in zip(tool, *self._walls, strict=True):
                inside.append(xp.logical_and(value >= low, value <= high))
        return ~xp.all(Rows(inside), axis=0)

    def _may_come_out(self, velocity: Array, start: Array, tool: Array, jacobian: Array) -> Array:
        """
        Say which tools might come near a wall, by the Jacobian: cheaper than the kinematics.

        The tool is where the Jacobian says, to r (Σ|Δq|)²/2: its second derivatives by the joint
        positions are no longer than the longest lever r.

        :param jacobian: (3, 7, N).
        :returns: (N,) of bool.
        """
        xp = self.arrays.xp
        stop = self._envelope.braking_path(velocity, start)[-1]
        motion = xp.abs(stop - start)  # nowhere on the way is it longer
        far = 0.5 * self._lever * xp.sum(motion, axis=0) ** 2
        far = far + xp.sum(xp.abs(jacobian) * motion, axis=1)
        inside = xp.logical_and(tool - far > self._low, tool + far < self._high)
        return ~xp.all(inside, axis=0)

    def _keep_inside(self, target: Array, near: Array, *parts: Array) -> Array:
        """
        Give the targets (7, N), other ones for those tools ``near`` (N,) that would come out.

        Few do: they are looked after in NumPy, where a call takes less time than in PyTorch.

        :param parts: held (N,), Jacobian (3, 7, N), measured position and velocity (7, N).
        """
        arrays = self.arrays
        (worlds,) = arrays.xp.nonzero(near)
        if not len(worlds):
            return target
        few = (arrays.numpy(part[..., worlds]) for part in (target, *parts))
        inside = self._corrected(*few)
        return arrays.replaced(target.T, worlds, arrays.constant(inside.T)).T

    def _corrected(
        self,
        target: Floats,
        held: NDArray[np.bool_],
        jacobian: Floats,
        start: Floats,
        speed: Floats,
    ) -> Floats:
        """Give targets (7, M) by which no tool comes further out than by braking."""
        low, high = self._envelope_of_few.bounds(start)
        low = np.where(held, np.minimum(low, 0.0), low)
        bounds = (low, np.where(held, np.maximum(high, 0.0), high), speed)
        velocity = self._envelope_of_few.towards(target, start, held, *bounds)
        outside = self._outside(velocity, start)
        if not (outside > 0.0).any():
            return target
        braking = self._envelope_of_few.nearest(np.zeros_like(start), *bounds)
        allowed = np.maximum(self._outside(braking, start), 0.0)
        (bad,) = np.nonzero((outside > allowed).any(axis=(0, 1)))
        if not len(bad):
            return target
        parts: tuple[Any, ...] = (braking, velocity, outside, allowed, jacobian, start, *bounds)
        result = np.array(target, np.float64)
        slower = self._slower(*(part[..., bad] for part in parts))
        result[:, bad] = start[:, bad] + slower * self.control_period_s
        return result

    def _slower(
        self,
        braking: Floats,
        velocity: Floats,
        outside: Floats,
        allowed: Floats,
        jacobian: Floats,
        start: Floats,
        *bounds: Floats,
    ) -> Floats:
        """Correct velocities of M arms until the tool is nowhere further outside than allowed."""
        arms, rows = np.arange(start.shape[1]), jacobian.transpose(2, 0, 1)
        period, envelope = self.control_period_s, self._envelope_of_few
        for _ in range(TRIES):
            excess = EXCESS * np.maximum(outside - allowed, 0.0)
            place = excess.max(axis=0).argmax(axis=0)
            walls = excess[:, place, arms]
            # What a change of velocity does there.
            time = period + 0.5 * place * (envelope.stopping_time(velocity) - period)
            inward = damped_least_squares(rows, (walls[:3] - walls[3:]).T, DAMPING).T / time
            velocity = envelope.nearest(velocity + inward, *bounds)
            outside = self._outside(velocity, start)
            inside: Any = (outside <= allowed).all(axis=(0, 1))
            if inside.all():
                break
        return np.where(inside, velocity, braking)

    def _outside(self, velocity: Floats, start: Floats) -> Floats:
        """
        Give how far the tool comes beyond each wall, negative inside.

        :returns: (6, 3, M) [m]: beyond the lower walls in x, y, z and the upper ones, at the three
            places of :meth:`Envelope.braking_path`.
        """
        path = np.concatenate(self._envelope_of_few.braking_path(velocity, start), axis=1)
        tool = self.model.tool_position(path.T).T
        low, high = (np.array(wall)[:, None] for wall in self._walls)
        return np.concatenate([low - tool, tool - high]).reshape(6, 3, -1)
