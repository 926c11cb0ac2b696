# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a point of the world is in a picture."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from franka_rl_core.backends.base import Camera

#: Of every camera, from the bottom to the top of its picture [deg]
FIELD_OF_VIEW = 45.0
# What is nearer to the camera is drawn as if it were there; all that is shown is farther [m].
_NEAR = 0.05

Array = NDArray[np.float64]


class Projection:
    """
    The perspective of a camera, the same as that of PyBullet's.

    :param camera: from where, and how large the picture is.
    """

    def __init__(self, camera: Camera) -> None:
        yaw, pitch = np.radians([camera.yaw, camera.pitch])
        forward = np.array(
            [-np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), np.sin(pitch)]
        )
        right = np.array([np.cos(yaw), np.sin(yaw), 0.0])
        self._axes = np.stack([right, -np.cross(right, forward), forward])  # right, down, forward
        self._eye = np.asarray(camera.target) - camera.distance * forward
        self._middle = 0.5 * np.array([camera.width, camera.height])
        self._focal = self._middle[1] / np.tan(0.5 * np.radians(FIELD_OF_VIEW))

    def pixels(self, points: ArrayLike) -> Array:
        """
        Give where points are in the picture.

        :param points: (..., 3) in the base frame [m].
        :returns: (..., 2) from the left and from the top [pixels].
        """
        sideways = self._seen(points)[..., :2]
        pixels: Array = self._middle + self.scale(points)[..., None] * sideways
        return pixels

    def depth(self, points: ArrayLike) -> Array:
        """Give how far from the camera points (..., 3) are, along its view: (...) [m]."""
        return np.maximum(self._seen(points)[..., 2], _NEAR)

    def scale(self, points: ArrayLike) -> Array:
        """Give how large 1 m is in the picture where points (..., 3) are: (...) [pixels]."""
        scale: Array = self._focal / self.depth(points)
        return scale

    def _seen(self, points: ArrayLike) -> Array:
        seen: Array = (np.asarray(points, np.float64) - self._eye) @ self._axes.T
        return seen
