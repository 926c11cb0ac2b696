# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl prove``: a policy's acceptance report, against an arm that refuses as Franka's do."""
