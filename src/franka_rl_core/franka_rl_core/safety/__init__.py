# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The safety chain: the last step before the robot, on every path. One file per limit."""
