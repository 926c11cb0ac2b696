# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""An arm as strokes: its links from joint to joint, and its hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from franka_rl_core import kinematics
from franka_rl_core.pictures.strokes import Color, Stroke, stroke
from franka_rl_core.robot_model import RobotModel

#: Of the links, where no other is asked for
LINKS: Color = (0.86, 0.87, 0.88)
_DARK: Color = (0.24, 0.26, 0.29)
# Radii [m], about as thick as the arm is.
_BASE, _UPPER, _LOWER, _JOINT, _PALM, _FINGER = 0.075, 0.055, 0.045, 0.045, 0.026, 0.011
# From the tool back to the palm and to the wrist, and from the middle of the palm to its sides and
# fingers [m].
_TO_PALM, _TO_WRIST, _SIDE, _GAP = 0.06, 0.11, 0.075, 0.014


def arm_strokes(model: RobotModel, joint_position: ArrayLike, color: Color = LINKS) -> list[Stroke]:
    """
    Draw an arm in a posture.

    :param joint_position: (7,) [rad].
    :param color: of the links.
    """
    q = np.asarray(joint_position, np.float64)[None]
    joints = kinematics.joint_origins(model.chain, q)[0]
    tool, rotation = (values[0] for values in kinematics.tool_motion(model.chain, q, 0.0 * q)[:2])
    dark = _darkened(color)
    palm, wrist = (tool - back * rotation[:, 2] for back in (_TO_PALM, _TO_WRIST))
    return [
        stroke((0.0, 0.0, 0.03), (0.0, 0.0, 0.03), _BASE, dark),
        *_links(np.vstack([0.0 * joints[:1], joints, wrist]), color),
        *(stroke(joint, joint, _JOINT, dark) for joint in joints[1:]),
        *_hand(tool, palm, rotation[:, 1], color, dark),
    ]


def _links(points: np.ndarray, color: Color) -> list[Stroke]:
    """Connect what is not in one place, the last three links thinner."""
    count = len(points) - 1
    return [
        stroke(points[i], points[i + 1], _UPPER if i < count - 3 else _LOWER, color)
        for i in range(count)
        if np.linalg.norm(points[i + 1] - points[i]) > 1e-6
    ]


def _hand(
    tool: np.ndarray, palm: np.ndarray, side: np.ndarray, color: Color, dark: Color
) -> list[Stroke]:
    """Draw the palm across, and both fingers to the sides of the tool."""
    fingers = [
        stroke(palm + way * _GAP * side, tool + way * _GAP * side, _FINGER, dark) for way in (-1, 1)
    ]
    return [stroke(palm - _SIDE * side, palm + _SIDE * side, _PALM, color), *fingers]


def _darkened(color: Color) -> Color:
    """Give the color of joints and fingers: dark, with a trace of that of the links."""
    return *(0.3 * a + 0.7 * b * 0.6 for a, b in zip(color[:3], _DARK, strict=True)), *color[3:]
