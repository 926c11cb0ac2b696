# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The postures that inverse kinematics finds for some goals, each in a field of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.backends.base import Camera
from franka_rl_core.pictures.arm import arm_strokes
from franka_rl_core.pictures.canvas import INK, Canvas
from franka_rl_core.pictures.stage import Stage, fitting_camera
from franka_rl_core.pictures.strokes import Stroke, stroke
from franka_rl_core.robot_model import RobotModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# A posture whose tool is farther from its goal does not reach it [mm].
REACHED_MM = 1.0
# From near to far; all pictures are of one size [pixels].
_CAMERAS = tuple(
    Camera(target=(0.33, 0.0, z), distance=distance, width=400, height=300)
    for z, distance in ((0.16, 1.3), (0.25, 1.5), (0.5, 1.95))
)
_WIDTH, _HEIGHT = _CAMERAS[0].width, _CAMERAS[0].height
_HEAD, _LABEL = 50, 46  # above all, and above each field [pixels]
_RING = 26  # around a goal [pixels]
_GOAL, _OTHER, _MISSED = (0.0, 0.45, 0.7), (0.6, 0.6, 0.6), (0.8, 0.1, 0.1)
_MISSED_ARM = (0.93, 0.62, 0.58)


@dataclass(frozen=True)
class Solution:
    """A posture for a goal."""

    goal: NDArray[np.float64]  # (3,) in the base frame [m]
    joint_position: NDArray[np.float64]  # (7,) [rad]
    error_mm: float  # from the tool to the goal

    @property
    def is_reached(self) -> bool:
        """Say whether the tool is at the goal."""
        return self.error_mm <= REACHED_MM

    @property
    def place(self) -> str:
        """Name the goal."""
        return '({:.2f}, {:.2f}, {:.2f}) m'.format(*(self.goal + 0.0))


def draw_solutions(
    path: Path, model: RobotModel, solutions: Sequence[Solution], title: str
) -> None:
    """
    Draw every posture with its error; one that does not reach its goal is red.

    :param solutions: at least one.
    :raises FrankaRLError: the file cannot be written.
    """
    columns = math.ceil(math.sqrt(len(solutions)))
    rows = math.ceil(len(solutions) / columns)
    canvas = Canvas(columns * _WIDTH, _HEAD + rows * (_LABEL + _HEIGHT))
    head = canvas.field(0, 0, columns * _WIDTH, _HEAD)
    size = min(22.0, 1.5 * columns * _WIDTH / len(title))
    head.text(16, 34, title, fontsize=size, fontweight='bold', color=INK)
    goals = [item.goal for item in solutions]
    scenes = [_strokes(model, item, goals) for item in solutions]
    camera = fitting_camera([item for scene in scenes for item in scene], _CAMERAS)
    for index, solution in enumerate(solutions):
        left, top = index % columns * _WIDTH, _HEAD + index // columns * (_LABEL + _HEIGHT)
        _label(canvas.field(left, top, _WIDTH, _LABEL), solution)
        stage = Stage(canvas.field(left, top + _LABEL, _WIDTH, _HEIGHT), camera)
        stage.show(scenes[index])
        stage.ring(solution.goal, _RING, _GOAL if solution.is_reached else _MISSED)
    canvas.save(path)


def _label(axes: Axes, solution: Solution) -> None:
    color = INK if solution.is_reached else _MISSED
    error = f'{solution.error_mm:.3f} mm' if solution.error_mm >= 0.001 else '< 0.001 mm'
    words = f'error {error}' if solution.is_reached else f'not reached: {solution.error_mm:.0f} mm'
    axes.text(16, 32, solution.place, fontsize=17, color=color)
    axes.text(_WIDTH - 16, 32, words, fontsize=17, color=color, ha='right')


def _strokes(
    model: RobotModel, solution: Solution, goals: Sequence[NDArray[np.float64]]
) -> list[Stroke]:
    places = [stroke(goal, goal, 0.012, _OTHER) for goal in goals]
    color = _GOAL if solution.is_reached else _MISSED
    goal = stroke(solution.goal, solution.goal, 0.022, color)
    look = () if solution.is_reached else (_MISSED_ARM,)
    return [*places, goal, *arm_strokes(model, solution.joint_position, *look)]
