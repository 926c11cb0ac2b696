# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes of franka_rl."""
