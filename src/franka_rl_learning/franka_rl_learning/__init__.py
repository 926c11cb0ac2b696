# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Training algorithms of franka_rl. Never imports ROS."""
