# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Pictures of arms, drawn by matplotlib: for backends without a camera, and over a camera's."""
