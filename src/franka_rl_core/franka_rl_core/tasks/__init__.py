# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Tasks: what shall be done, as pure batched functions. One file per task."""
