# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
The deployment graph of a real arm, with the simulated one that refuses as Franka's does.

    launch_test test/launch_testing/deploy_real.test.py
"""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path
from typing import Any

import launch_testing
from launch import LaunchDescription
from launch.actions import IncludeLaunchDescription, SetEnvironmentVariable
from launch_testing.actions import ReadyToTest
from launch_testing.asserts import EXIT_OK, EXIT_SIGINT, assertExitCodes

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.policies.proportional import write_proportional_bundle
from franka_rl_core.share import share_dir

LAUNCH_FILE = share_dir() / 'launch' / 'deploy_real.launch.py'
NODES = ('simulator_node', 'guard_node', 'policy_node', 'evaluator_node')
FOLDER = tempfile.TemporaryDirectory()


def generate_test_description() -> LaunchDescription:
    """Start the system in a domain of its own, with a policy that needs no training."""
    policy = Path(FOLDER.name) / 'policy'
    write_proportional_bundle(policy, EnvConfig(backend='mock'))
    arguments = {'policy': str(policy), 'episodes': '2', 'driver': 'fci'}
    return LaunchDescription(
        [
            SetEnvironmentVariable('ROS_DOMAIN_ID', str(os.getpid() * 7 % 99 + 1)),
            IncludeLaunchDescription(str(LAUNCH_FILE), launch_arguments=arguments.items()),
            ReadyToTest(),
        ]
    )


class TestRunning(unittest.TestCase):
    """While it runs."""

    def test_it_runs_its_episodes(self, proc_info: Any, proc_output: Any) -> None:
        proc_output.assertWaitFor('success_rate: ', timeout=60, stream='stdout')
        # The evaluator ends the system: it must not be ended by the end of this test.
        proc_info.assertWaitForShutdown('evaluator_node', timeout=10)


@launch_testing.post_shutdown_test()
class TestEnded(unittest.TestCase):
    """When all is over."""

    def test_every_node_ended_well(self, proc_info: Any) -> None:
        assertExitCodes(proc_info, [EXIT_OK], process='evaluator_node')
        # The others are interrupted when it has finished.
        assertExitCodes(proc_info, [EXIT_OK, EXIT_SIGINT])

    def test_these_nodes_were_started(self, proc_info: Any) -> None:
        started = sorted(name.rpartition('-')[0] for name in proc_info.process_names())
        assert started == sorted(NODES)
