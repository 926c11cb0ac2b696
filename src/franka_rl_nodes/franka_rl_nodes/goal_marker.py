# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Shows the goal of the policy to viewers such as RViz."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped
from visualization_msgs.msg import Marker

_DIAMETER_M = 0.04
_RED = (0.9, 0.2, 0.2, 0.9)


def goal_marker(goal: PoseStamped) -> Marker:
    """Make a ball at a goal."""
    marker = Marker(header=goal.header, ns='goal', type=Marker.SPHERE, pose=goal.pose)
    marker.scale.x = marker.scale.y = marker.scale.z = _DIAMETER_M
    marker.color.r, marker.color.g, marker.color.b, marker.color.a = _RED
    return marker
