# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Messages that come with a robot's driver, and are in no Python package index."""

from __future__ import annotations

import importlib
import os
from typing import Any

from franka_rl_core.exceptions import MissingDependencyError


def message(module: str, name: str) -> Any:
    """
    Import a message, service or action.

    :param module: e.g. ``'franka_msgs.action'``.
    :param name: e.g. ``'ErrorRecovery'``.
    :raises MissingDependencyError: it is not there; names the apt package.
    """
    package = module.partition('.')[0]
    try:
        return getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError) as error:
        distro = os.environ.get('ROS_DISTRO', 'jazzy')
        apt = f'ros-{distro}-{package.replace("_", "-")}'
        raise MissingDependencyError(
            package, f'sudo apt install {apt}, or source the workspace of the robot driver'
        ) from error
