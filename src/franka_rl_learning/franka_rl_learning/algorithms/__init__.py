# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Algorithms: a table of names and configurations, and one adapter file per library."""
