# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
The training graph, from its launch file.

    launch_test test/launch_testing/train_sim.test.py
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

from franka_rl_core.share import share_dir

LAUNCH_FILE = share_dir() / 'launch' / 'train_sim.launch.py'
NODES = ('simulator_node', 'env_node', 'trainer_node')
FOLDER = tempfile.TemporaryDirectory()
OUT = Path(FOLDER.name) / 'run'
# Small enough to end in seconds; it learns nothing.
TINY = {
    'backend': 'mock',
    'num_envs': '4',
    'workers': '1',
    'steps': '1024',
    'evaluation_episodes': '8',
    'out': str(OUT),
}


def generate_test_description() -> LaunchDescription:
    """Start the system in a domain of its own."""
    return LaunchDescription(
        [
            SetEnvironmentVariable('ROS_DOMAIN_ID', str(os.getpid() * 7 % 99 + 1)),
            IncludeLaunchDescription(str(LAUNCH_FILE), launch_arguments=TINY.items()),
            ReadyToTest(),
        ]
    )


class TestRunning(unittest.TestCase):
    """While it runs."""

    def test_it_trains_and_evaluates(self, proc_info: Any, proc_output: Any) -> None:
        proc_output.assertWaitFor('success_rate: ', timeout=90, stream='stdout')
        # The trainer ends the system: it must not be ended by the end of this test.
        proc_info.assertWaitForShutdown('trainer_node', timeout=10)


@launch_testing.post_shutdown_test()
class TestEnded(unittest.TestCase):
    """When all is over."""

    def test_every_node_ended_well(self, proc_info: Any) -> None:
        assertExitCodes(proc_info, [EXIT_OK], process='trainer_node')
        # The others are interrupted when it has finished.
        assertExitCodes(proc_info, [EXIT_OK, EXIT_SIGINT])

    def test_these_nodes_were_started(self, proc_info: Any) -> None:
        started = sorted(name.rpartition('-')[0] for name in proc_info.process_names())
        assert started == sorted(NODES)

    def test_there_is_a_bundle(self) -> None:
        assert (OUT / 'policy' / 'bundle.yaml').is_file()
