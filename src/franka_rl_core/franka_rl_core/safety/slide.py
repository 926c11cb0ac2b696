# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Slide: what an arm may do instead of what would lead its tool out of the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

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
# How the distances to the walls are laid out: three places on the way, six walls for each.
_PLACES, _WALLS = 3, 6


class Motion(NamedTuple):
    """What may lead out of the workspace; the joints come first, as in ``Proposal``."""

    target: Array  # (7, N) [rad]
    velocity: Array  # (7, N) allowed, that leads towards it [rad/s]
    jacobian: Array  # (3, 7, N) of the tool's position [m/rad]
    position: Array  # (7, N) measured [rad]
    speed: Array  # (7, N) measured [rad/s]
    low: Array  # (7, N) velocities that the arm's limits allow, see Envelope [rad/s]
    high: Array


def workspace_box(
    model: RobotModel, config: SafetyConfig
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give the lowest and the highest corner of the tool's box: (3,), (3,) [m], base frame."""
    return model.workspace_lower + [0.0, 0.0, config.floor_shift], model.workspace_upper


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
        self._low, self._high = map(arrays.column, workspace_box(model, config))

    def __call__(self, motion: Motion) -> Array:
        """Give the targets (7, N) [rad]; those that lead nowhere further out keep their bits."""
        *_, targets = self.parts(motion)
        return targets

    def parts(self, motion: Motion) -> Iterator[Array | None]:
        """
        Do :meth:`__call__`, with a pause before the tries.

        :returns: yields None at the pause, and the targets at last: ``motion.target`` itself if
            there was nothing to do.
        """
        xp, envelope, start = self._arrays.xp, self._envelope, motion.position
        velocity, bounds = motion.velocity, (motion.low, motion.high, motion.speed)
        braking = envelope.nearest(0.0 * start, *bounds)
        outside, by_braking = self._both_outside(velocity, braking, start)
        allowed = xp.maximum(by_braking, 0.0)
        further = self._further(outside, allowed)
        if not self._arrays.may_be_any(further):
            yield motion.target
            return
        yield None
        inside = ~further
        for _ in range(TRIES):
            change = self._inward(velocity, outside, allowed, motion.jacobian)
            # Who is inside stays as it is.
            velocity = xp.where(inside, velocity, envelope.nearest(velocity + change, *bounds))
            outside = self.outside(velocity, start)
            inside = ~self._further(outside, allowed)
            if not self._arrays.may_be_any(~inside):
                break
        velocity = xp.where(inside, velocity, braking)
        yield xp.where(further, start + velocity * self._period, motion.target)

    def outside(self, velocity: Array, start: Array) -> Array:
        """
        Give how far tools come out at the three places of :meth:`Envelope.braking_path`.

        :returns: (18, N), for each place beyond the lower walls in x, y, z, and beyond the upper
            ones; negative inside [m].
        """
        places = self._envelope.braking_path(velocity, start)
        low, high = self._arrays.rows(self._low), self._arrays.rows(self._high)
        tools = self._tools(places)
        beyond = [part for tool in tools for part in (low - tool, tool - high)]
        return self._arrays.xp.concat(beyond, axis=0)

    def _both_outside(self, one: Array, other: Array, start: Array) -> tuple[Array, Array]:
        """Give :meth:`outside` for two velocities."""
        xp = self._arrays.xp
        if isinstance(start, Rows):
            return self.outside(one, start), self.outside(other, start)
        # One call takes less time than two.
        velocity, starts = xp.concat([one, other], axis=1), xp.concat([start, start], axis=1)
        both, count = self.outside(velocity, starts), start.shape[1]
        return both[:, :count], both[:, count:]

    def comes_out(self, velocity: Array, start: Array) -> Array:
        """Say which tools leave the workspace on their way to a stop: (N,) of bool."""
        return self._further(self.outside(velocity, start), 0.0)

    def _further(self, outside: Array, allowed: Array | float) -> Array:
        """Say which tools come out further than allowed: (N,) of bool."""
        return self._arrays.xp.any(outside > allowed, axis=0)

    def _inward(self, velocity: Array, outside: Array, allowed: Array, jacobian: Array) -> Array:
        """Give the change of velocity that undoes the worst of what is too far out: (7, N)."""
        xp, period = self._arrays.xp, self._period
        worst, push, time = -1.0, 0.0, period
        stopping = self._envelope.stopping_time(velocity)
        everywhere = xp.maximum(outside - allowed, 0.0)
        for i in range(_PLACES):
            beyond = everywhere[i * _WALLS : (i + 1) * _WALLS]
            depth = xp.max(beyond, axis=0, keepdims=True)
            deeper = xp.any(depth > worst, axis=0)
            worst = xp.maximum(depth, worst)
            push = xp.where(deeper, beyond[:3] - beyond[3:], push)
            # What a change of velocity does there.
            time = xp.where(deeper, period + 0.5 * i * (stopping - period), time)
        return self._joint_motion(jacobian, EXCESS * push) / time

    def _joint_motion(self, jacobian: Array, push: Array) -> Array:
        """Give the joint motion (7, N) [rad] that moves the tools so: (3, N) [m]."""
        if isinstance(push, Rows):
            return Rows(damped_values(DAMPING, list(push), *map(list, jacobian)))
        matrices = self._arrays.xp.permute_dims(jacobian, (2, 0, 1))
        return damped_least_squares(matrices, push.T, DAMPING).T

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
