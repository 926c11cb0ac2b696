# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The processes of the nodes that are measured."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Iterator

# Importing PyTorch takes long on a busy machine [s].
START_TIMEOUT_S = 120.0
# A node that has not ended after this time is killed [s].
_END_TIMEOUT_S = 10.0


@contextlib.contextmanager
def running(words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in the domain of :func:`ros_environment`, and end it."""
    process = subprocess.Popen(words, env={**os.environ, **ros_environment()}, stdout=sys.stderr)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_END_TIMEOUT_S)


@functools.cache
def ros_environment() -> dict[str, str]:
    """Choose a ROS domain that other programs of this machine hardly use; DDS stays on it."""
    domain = 1 + os.getpid() % 100
    if str(domain) == os.environ.get('ROS_DOMAIN_ID'):
        domain = 1 + domain % 100
    reach = os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    return {'ROS_DOMAIN_ID': str(domain), 'ROS_AUTOMATIC_DISCOVERY_RANGE': reach}
