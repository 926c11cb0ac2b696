# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""ROS 2 nodes of franka_rl."""

import os

# A node waits for others most of the time; threads of PyTorch that spin meanwhile would take the
# cores that those need.
os.environ.setdefault('OMP_NUM_THREADS', '1')
