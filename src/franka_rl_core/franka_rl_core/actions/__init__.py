# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Action decoders: from a policy's normalised action to joint targets. One file each."""
