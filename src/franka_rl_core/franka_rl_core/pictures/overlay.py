# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What a film shows beside the arm: the goal, the path of the tool and the distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from franka_rl_core.backends.base import Camera
from franka_rl_core.pictures.canvas import INK, Canvas
from franka_rl_core.pictures.projection import Projection

# Told apart by those who see no red or no green (Okabe and Ito).
_PATH, _GOAL, _REACHED = '#0072b2', '#d55e00', '#009e73'
_OUTCOMES = {None: (INK, ''), True: (_REACHED, '✓ reached'), False: (_GOAL, '✗ not reached')}
# Diameters of the rings [pixels].
_RING, _SMALL = 22, 9


@dataclass
class Story:
    """
    What has happened in a world that is filmed; all points are (3,) in the base frame [m].

    :param goals: other goals that may come.
    """

    goals: Sequence[ArrayLike] = ()
    goal: ArrayLike = (0.0, 0.0, 0.0)
    distance: float = 0.0  # from the tool to the goal [m]
    is_reached: bool | None = None  # None until the episode is over
    episode: int = 0  # from 1
    path: list[ArrayLike] = field(default_factory=list)  # of the tool, in this episode
    reached: list[ArrayLike] = field(default_factory=list)  # goals of earlier episodes


class Overlay:
    """
    Draws a story over the pictures of a camera.

    :param camera: of the pictures.
    :raises MissingDependencyError: matplotlib is not installed.
    """

    def __init__(self, camera: Camera) -> None:
        self._projection = Projection(camera)
        width, height = camera.width, camera.height
        self._canvas = Canvas(width, height)
        axes = self._canvas.field(0, 0, width, height)
        blank = np.zeros((height, width, 3), np.uint8)
        self._picture = axes.imshow(
            blank, extent=(0, width, height, 0), aspect='auto', interpolation='nearest'
        )
        ring: Any = {'linestyle': 'none', 'marker': 'o', 'markerfacecolor': 'none'}
        self._others, self._done = (
            axes.plot([], [], color=color, markersize=_SMALL, markeredgewidth=1.5, **ring)[0]
            for color in ('0.5', _REACHED)
        )
        (self._way,) = axes.plot([], [], color='0.35', linewidth=1, dashes=(3, 3))
        (self._path,) = axes.plot([], [], color=_PATH, linewidth=2.5, solid_capstyle='round')
        (self._goal,) = axes.plot([], [], markersize=_RING, markeredgewidth=2.5, **ring)
        self._distance = axes.text(14, 38, '', fontsize=30, fontweight='bold')
        self._episode = axes.text(width - 14, 30, '', fontsize=16, color=INK, ha='right')

    def draw(self, picture: NDArray[np.uint8], story: Story) -> NDArray[np.uint8]:
        """
        Draw over a picture.

        :param picture: (height, width, 3), as large as the camera's.
        :returns: another, as large.
        """
        self._picture.set_data(picture)
        self._others.set_data(*self._places(story.goals))
        self._done.set_data(*self._places(story.reached))
        self._path.set_data(*self._places(story.path))
        self._way.set_data(*self._places([*story.path[-1:], story.goal]))
        self._goal.set_data(*self._places([story.goal]))
        self._goal.set_color(_REACHED if story.is_reached else _GOAL)
        color, words = _OUTCOMES[story.is_reached]
        self._distance.set(text=f'{100.0 * story.distance:.1f} cm {words}', color=color)
        self._episode.set_text(f'episode {story.episode}')
        return self._canvas.pixels()

    def _places(self, points: Sequence[ArrayLike]) -> NDArray[np.float64]:
        return self._projection.pixels(np.asarray(points).reshape(-1, 3)).T
