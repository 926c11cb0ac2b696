# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""An arm behind Franka's control interface (FCI) that refuses what the real one refuses."""
