# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""From a policy's targets to a jerk-limited stream of commands that holds on doubt."""
