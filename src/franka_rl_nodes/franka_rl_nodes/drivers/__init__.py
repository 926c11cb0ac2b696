# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What the guard asks of a robot's driver beyond the streams: one module per driver."""

from __future__ import annotations

import importlib

from franka_rl_core.exceptions import UnknownNameError
from franka_rl_nodes.drivers.base import Driver, DriverConfig

__all__ = ['Driver', 'DriverConfig', 'available', 'find']

_CLASSES = {
    'none': 'NoDriver',
    'fci': 'FciDriver',
    'franka_ros2': 'FrankaRos2Driver',
    'multipanda': 'MultipandaDriver',
}


def available() -> tuple[str, ...]:
    """List the names of the drivers."""
    return tuple(_CLASSES)


def find(name: str) -> type[Driver]:
    """
    Import the class of a driver; what it needs of ROS is imported when one is made.

    :param name: one of :func:`available`.
    :raises UnknownNameError: there is no such driver; lists those that are.
    """
    if name not in _CLASSES:
        raise UnknownNameError('driver', name, _CLASSES)
    module = importlib.import_module(f'franka_rl_nodes.drivers.{name}')
    cls: type[Driver] = getattr(module, _CLASSES[name])
    return cls
