# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Whether all of a motion is legal: joint ranges, velocity limits, nothing that touches."""

from __future__ import annotations

from collections.abc import Sequence

from franka_rl_core.guard.collision import CollisionCheck
from franka_rl_core.guard.motion import Motion
from franka_rl_core.robot_model import RobotModel

# Where a motion is looked at: these shares of its braking.
_WHILE_BRAKING = (0.0, 0.5, 1.0)


class MotionCheck:
    """
    Looks at some points of a motion.

    :param model: the arm.
    :param margin: shapes nearer than this count as touching [m].
    :param table_height: see :class:`CollisionCheck` [m].
    """

    def __init__(self, model: RobotModel, margin: float, table_height: float | None) -> None:
        self._model = model
        self._collision = CollisionCheck(model, margin, table_height)

    def problem(self, motion: Motion, times: Sequence[float] = ()) -> str:
        """
        Say what is wrong with a motion, '' if nothing is.

        :param times: where it is looked at [s]; while it brakes if there are none.
        """
        position, velocity = motion.along(times or _while_braking(motion))
        if not ((position >= self._model.lower) & (position <= self._model.upper)).all():
            return f'a joint would leave its range: {position[-1].round(3).tolist()}'
        low, high = self._model.velocity_bounds(position)
        if not ((velocity >= low) & (velocity <= high)).all():
            return 'a joint would be faster than it may be near the end of its range'
        touching = map(self._collision.touching, position)
        return next((f'{links} would touch' for links in touching if links), '')


def _while_braking(motion: Motion) -> list[float]:
    braking = motion.end - motion.braking
    return [motion.braking + share * braking for share in _WHILE_BRAKING]
