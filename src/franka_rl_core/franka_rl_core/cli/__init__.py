# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line ``franka-rl``. Its commands are entry points: every package brings its own."""
