# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Robots, simulators, tasks, safety and policies of franka_rl. Never imports ROS."""

from franka_rl_core.envs.registration import register_envs

__all__ = ['register_envs']
