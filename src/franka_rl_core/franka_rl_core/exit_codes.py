# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Exit codes of every program of the suite."""

DONE = 0
FAILED = 1  # while running
REFUSED = 2  # before anything was started
INTERRUPTED = 130  # by SIGINT or SIGTERM
