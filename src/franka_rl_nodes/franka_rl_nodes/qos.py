# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Quality of service of every topic, in one place."""

from __future__ import annotations

from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

#: Measurements: the newest counts, a lost one does not matter. Matches best-effort and reliable
#: publishers.
SENSOR = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
#: Targets and commands: the newest counts, none may be lost.
COMMAND = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
#: Reports: all count.
REPORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
#: What a late subscriber must see too: goals, markers, states.
LATCHED = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL,
)
#: Commands of which each one is looked at, even by a reader that was busy for some time.
ALL = QoSProfile(depth=500, reliability=ReliabilityPolicy.RELIABLE)
