# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Strokes: all that an arm is drawn with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from franka_rl_core.pictures.projection import Projection

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Color = tuple[float, ...]
Array = NDArray[np.float64]

# Where the light comes from in the pictures of PyBullet: a point moves so far along x and y to its
# shadow, for every metre of height.
_SHADOW = np.array([-0.5, 0.5])
_SHADOW_COLOR = (0.77, 0.77, 0.75)
# The edge and the light of a stroke, which make it look round: how much darker or lighter, how wide
# and how far to the upper left, in radii.
_LOOK = ((-0.45, 1.0, 0.0), (0.0, 0.86, 0.0), (0.45, 0.4, 0.28))


class Stroke(NamedTuple):
    """A cylinder with round ends, or a sphere."""

    #: (2, 3) both ends [m]; the same for a sphere
    ends: Array
    radius: float  # [m]
    color: Color


def stroke(begin: ArrayLike, end: ArrayLike, radius: float, color: Color) -> Stroke:
    """Make a stroke from one point (3,) to another [m]."""
    return Stroke(np.array([begin, end], np.float64), radius, color)


class Strokes:
    """
    Strokes in a field of pixels; they can be exchanged.

    :param axes: the field.
    :param projection: of its camera.
    """

    def __init__(self, axes: Axes, projection: Projection) -> None:
        from matplotlib.collections import LineCollection

        self._projection = projection
        self._lines = LineCollection([], capstyle='round', snap=False, zorder=2)
        axes.add_collection(self._lines, autolim=False)

    def show(self, strokes: Sequence[Stroke]) -> None:
        """Show exactly these, with their shadows on the floor; what is near hides what is far."""
        lines = [self._shadow(item) for item in strokes]
        for item in sorted(strokes, key=self._nearness):
            lines += self._body(item)
        segments, widths, colors = zip(*lines, strict=True)
        self._lines.set(segments=segments, linewidths=widths, colors=colors)

    def _nearness(self, item: Stroke) -> float:
        # By the far end, so that the joint at an end of a link is in front of it.
        is_sphere = bool((item.ends[0] == item.ends[1]).all())
        return (item.radius if is_sphere else 0.0) - float(self._projection.depth(item.ends).max())

    def _shadow(self, item: Stroke) -> tuple[Array, float, Color]:
        height = np.maximum(item.ends[:, 2:], 0.0)
        floor = np.hstack([item.ends[:, :2] + _SHADOW * height, 0.0 * height])
        return *self._line(Stroke(floor, item.radius, _SHADOW_COLOR)), _SHADOW_COLOR

    def _body(self, item: Stroke) -> list[tuple[Array, float, Color]]:
        line, width = self._line(item)
        light = np.array([-0.25, -0.25]) * width
        return [
            (line + shift * light, share * width, _shaded(item.color, change))
            for change, share, shift in _LOOK
        ]

    def _line(self, item: Stroke) -> tuple[Array, float]:
        line = self._projection.pixels(item.ends)
        line[1, 0] += 0.01  # a line without length is not drawn
        return line, float(2.0 * item.radius * self._projection.scale(item.ends.mean(axis=0)))


def _shaded(color: Color, change: float) -> Color:
    """Mix a color with black (change below 0) or white."""
    goal = 0.0 if change < 0.0 else 1.0
    return *(part + abs(change) * (goal - part) for part in color[:3]), *color[3:]
