# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
What ``franka-rl bench`` measures.

A group of measurements is a function ``measure(options) -> Iterator[Row]`` that a package names in
the entry-point group ``franka_rl.benchmarks``.
"""
