# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Slide: what an arm may do instead of what would lead its tool out of the workspace."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from franka_rl_core.actions.ee import DAMPING
from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.kinematics import damped_least_squares, damped_values, tool_components
from franka_rl_core.robot_model import RobotModel
from franka_rl_core.rows import Rows
from franka_rl_core.safety.base import SafetyConfig
from franka_rl_core.safety.envelope import Envelope

# Corrections of a velocity that leads out, each a little more than needed, before the arm brakes.
TRIES = 3
EXCESS = 1.05


class Motion(NamedTuple):
    """What may lead out of the workspace; the joints come first, as in ``Proposal``."""

    target: Array  # (7, N) [rad]
    held: Array  # (N,) of bool
    jacobian: Array  # (3, 7, N) of the tool's position [m/rad]
    position: Array  # (7, N) measured [rad]
    speed: Array  # (7, N) measured [rad/s]


class _Outside(NamedTuple):
    """How far a tool comes beyond the walls in one place, negative inside."""

    below: Array  # (3, N) beyond the lower walls in x, y, z [m]
    above: Array  # (3, N) beyond the upper walls [m]


class Slide:
    """
    Gives targets by which no tool comes further out of the workspace than by braking.

    A velocity that leads out loses that part of it, and the tool slides along the wall; where that
    fails, the arm brakes.

    :param model: the arm.
    :param config: how much of its limits may be used.
    :param control_period_s: time in which a target is to be reached [s].
    :param arrays: where targets and states live.
    """

    def __init__(
        self, model: RobotModel, config: SafetyConfig, control_period_s: float, arrays: Arrays
    ) -> None:
        self._model, self._arrays, self._period = model, arrays, control_period_s
        self._envelope = Envelope(model, config, control_period_s, arrays)
        self._low = arrays.column(model.workspace_lower)
        self._high = arrays.column(model.workspace_upper)

    def __call__(self, motion: Motion) -> Array:
        """Give the targets (7, N) [rad]; those that lead nowhere further out keep their bits."""
        xp, envelope, start = self._arrays.xp, self._envelope, motion.position
        low, high = envelope.bounds(start)
        low = xp.where(motion.held, xp.minimum(low, 0.0), low)
        bounds = (low, xp.where(motion.held, xp.maximum(high, 0.0), high), motion.speed)
        velocity = envelope.towards(motion.target, start, motion.held, *bounds)
        outside = self._outside(velocity, start)
        braking = envelope.nearest(0.0 * start, *bounds)
        allowed = [
            _Outside(xp.maximum(below, 0.0), xp.maximum(above, 0.0))
            for below, above in self._outside(braking, start)
        ]
        further = self._further(outside, allowed)
        if not self._arrays.may_be_any(further):
            return motion.target
        inside = ~further
        for _ in range(TRIES):
            change = self._inward(velocity, outside, allowed, motion.jacobian)
            # Who is inside stays as it is.
            velocity = xp.where(inside, velocity, envelope.nearest(velocity + change, *bounds))
            outside = self._outside(velocity, start)
            inside = ~self._further(outside, allowed)
            if not self._arrays.may_be_any(~inside):
                break
        velocity = xp.where(inside, velocity, braking)
        return xp.where(further, start + velocity * self._period, motion.target)

    def comes_out(self, velocity: Array, start: Array) -> Array:
        """Say which tools leave the workspace on their way to a stop: (N,) of bool."""
        return self._further(self._outside(velocity, start), None)

    def _further(self, outside: list[_Outside], allowed: list[_Outside] | None) -> Array:
        """Say which tools come out further than allowed, or at all: (N,) of bool."""
        xp, result = self._arrays.xp, None
        for place, limit in zip(outside, allowed or [_Outside(0.0, 0.0)] * 3, strict=True):
            for value, most in zip(place, limit, strict=True):
                beyond = xp.any(value > most, axis=0)
                result = beyond if result is None else xp.logical_or(result, beyond)
        return result

    def _inward(
        self, velocity: Array, outside: list[_Outside], allowed: list[_Outside], jacobian: Array
    ) -> Array:
        """Give the change of velocity that undoes the worst of what is too far out: (7, N)."""
        xp, period = self._arrays.xp, self._period
        worst, push, time = -1.0, 0.0, period
        stopping = self._envelope.stopping_time(velocity)
        for i, (place, limit) in enumerate(zip(outside, allowed, strict=True)):
            below, above = (
                EXCESS * xp.maximum(value - most, 0.0)
                for value, most in zip(place, limit, strict=True)
            )
            depth = xp.maximum(*(xp.max(value, axis=0, keepdims=True) for value in (below, above)))
            deeper = xp.any(depth > worst, axis=0)
            worst = xp.maximum(depth, worst)
            push = xp.where(deeper, below - above, push)
            # What a change of velocity does there.
            time = xp.where(deeper, period + 0.5 * i * (stopping - period), time)
        return _joint_motion(jacobian, push) / time

    def _outside(self, velocity: Array, start: Array) -> list[_Outside]:
        """Give how far tools come out at the three places of :meth:`Envelope.braking_path`."""
        places = self._envelope.braking_path(velocity, start)
        low, high = self._arrays.rows(self._low), self._arrays.rows(self._high)
        return [_Outside(low - tool, tool - high) for tool in self._tools(places)]

    def _tools(self, places: tuple[Array, ...]) -> list[Array]:
        """Give the positions of the tools, each (3, N) [m]."""
        xp, model = self._arrays.xp, self._model
        if isinstance(places[0], Rows):
            angles = ((list(xp.sin(place)), list(xp.cos(place))) for place in places)
            return [Rows(tool_components(model.chain, sin, cos)) for sin, cos in angles]
        # One call takes less time than three.
        together = xp.concat(places, axis=1)
        tool = model.tool_position(together.T).T
        count = places[0].shape[1]
        return [tool[:, i * count : (i + 1) * count] for i in range(len(places))]


def _joint_motion(jacobian: Array, push: Array) -> Array:
    """Give the joint motion (7, N) [rad] that moves the tools so: (3, N) [m]."""
    if isinstance(push, Rows):
        return Rows(damped_values(DAMPING, list(push), *map(list, jacobian)))
    return damped_least_squares(np.transpose(jacobian, (2, 0, 1)), push.T, DAMPING).T
