# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A floor with arms and spheres on it, drawn without a simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from franka_rl_core.backends.base import Camera, Marker
from franka_rl_core.pictures.arm import arm_strokes
from franka_rl_core.pictures.canvas import Canvas
from franka_rl_core.pictures.projection import Projection
from franka_rl_core.pictures.strokes import Color, Stroke, Strokes, stroke
from franka_rl_core.robot_model import RobotModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The one of all pictures, and one that sees an arm that is stretched upwards.
CAMERAS = (Camera(), Camera(target=(0.3, 0.0, 0.5), distance=1.95))
_MARGIN = 20  # around what a camera shall show [pixels]
# The floor is that of PyBullet's pictures [m]; its lines are a lattice through the base.
_FLOOR_X, _FLOOR_Y = (-0.8, 1.6), (-1.2, 1.2)
_LATTICE = 0.2
_FLOOR, _LINES = (0.87, 0.87, 0.855), (0.93, 0.93, 0.92)


class Stage:
    """
    The floor in a field of a picture, and what stands on it.

    :param axes: the field, as large as the camera's picture.
    :param camera: from where.
    """

    def __init__(self, axes: Axes, camera: Camera) -> None:
        self._axes, self._projection = axes, Projection(camera)
        self._strokes = Strokes(axes, self._projection)
        self._lay_floor()

    def show(self, strokes: Sequence[Stroke]) -> None:
        """Show exactly these strokes."""
        self._strokes.show(strokes)

    def ring(self, place: ArrayLike, diameter: float, color: Color) -> None:
        """Draw a ring around a place (3,) [m], in front of all; its diameter is in pixels."""
        (ring,) = self._axes.plot(*self._projection.pixels(place), marker='o', color=color)
        ring.set(markersize=diameter, markeredgewidth=2, markerfacecolor='none')

    def _lay_floor(self) -> None:
        left, right = ([(x, y, 0.0) for y in _FLOOR_Y] for x in _FLOOR_X)
        corners = [*left, *reversed(right)]
        self._axes.fill(*self._projection.pixels(corners).T, color=_FLOOR, linewidth=0, zorder=0)
        for line in _lattice():
            self._axes.plot(*self._projection.pixels(line).T, color=_LINES, linewidth=1, zorder=1)


def fitting_camera(strokes: Sequence[Stroke], cameras: Sequence[Camera] = CAMERAS) -> Camera:
    """Give the first camera whose picture holds these strokes, or the last one."""
    ends = [item.ends for item in strokes]
    for camera in cameras:
        places = Projection(camera).pixels(ends)
        corner = np.array([camera.width, camera.height]) - _MARGIN
        if ((places > _MARGIN) & (places < corner)).all():
            break
    return camera


class Skeleton:
    """
    A camera for backends that have none.

    :param model: the arm.
    :param camera: from where.
    :raises MissingDependencyError: matplotlib is not installed.
    """

    def __init__(self, model: RobotModel, camera: Camera | None = None) -> None:
        #: As it was asked for
        self.camera = camera
        camera = camera or Camera()
        self._model = model
        self._canvas = Canvas(camera.width, camera.height)
        self._stage = Stage(self._canvas.field(0, 0, camera.width, camera.height), camera)

    def picture(
        self, joint_position: ArrayLike, markers: Sequence[Marker] = ()
    ) -> NDArray[np.uint8]:
        """
        Take a picture.

        :param joint_position: (7,) [rad].
        :returns: (height, width, 3) red, green, blue.
        """
        spheres = [stroke(m.position, m.position, m.radius, m.color) for m in markers]
        self._stage.show([*arm_strokes(self._model, joint_position), *spheres])
        return self._canvas.pixels()


def _lattice() -> list[NDArray[np.float64]]:
    """Give the lines of the floor, each (2, 3) [m]."""
    xs, ys = (np.arange(low, high + 1e-9, _LATTICE) for low, high in (_FLOOR_X, _FLOOR_Y))
    lines = [[(x, _FLOOR_Y[0], 0.0), (x, _FLOOR_Y[1], 0.0)] for x in xs]
    lines += [[(_FLOOR_X[0], y, 0.0), (_FLOOR_X[1], y, 0.0)] for y in ys]
    return [np.array(line) for line in lines]
