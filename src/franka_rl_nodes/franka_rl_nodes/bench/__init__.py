# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What ``franka-rl bench`` measures with the nodes."""
