# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The command line ``franka-rl``. Each command is an entry point, so every package brings its own."""
