# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Shows the goal of the policy to viewers such as RViz."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from visualization_msgs.msg import Marker

from franka_rl_nodes import qos

_DIAMETER_M = 0.04


class GoalMarker:
    """
    Publishes ``target_marker``, a ball at the newest ``goal``.

    :param node: the node.
    """

    def __init__(self, node: Node) -> None:
        self._marker = node.create_publisher(Marker, 'target_marker', qos.LATCHED)
        node.create_subscription(PoseStamped, 'goal', self._on_goal, qos.LATCHED)

    def _on_goal(self, message: PoseStamped) -> None:
        marker = Marker(header=message.header, ns='goal', type=Marker.SPHERE, pose=message.pose)
        marker.scale.x = marker.scale.y = marker.scale.z = _DIAMETER_M
        marker.color.r, marker.color.g, marker.color.b, marker.color.a = 0.9, 0.2, 0.2, 0.9
        self._marker.publish(marker)
