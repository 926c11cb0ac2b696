# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Policies: what is trained, stored and deployed."""
