# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Backends: N worlds with one arm each, stepped together. One file per backend."""
