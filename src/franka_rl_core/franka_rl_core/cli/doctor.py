# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl doctor``."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import typer

from franka_rl_core.cli.options import JsonFile
from franka_rl_core.json_file import write_json

# Import name, distribution name, and what is lost without it ('' if the suite needs it).
PACKAGES = (
    ('numpy', 'numpy', ''),
    ('gymnasium', 'gymnasium', ''),
    ('yaml', 'PyYAML', ''),
    ('onnxruntime', 'onnxruntime', ''),
    ('pybullet', 'pybullet', ''),
    ('torch', 'torch', ''),
    ('stable_baselines3', 'stable-baselines3', ''),
    ('onnx', 'onnx', ''),
    ('rclpy', 'rclpy', ''),
    ('franka_rl_interfaces', 'franka_rl_interfaces', ''),
    ('honcho', 'honcho', ''),
    ('imageio', 'imageio', 'videos'),
    ('ikpy', 'ikpy', 'ikpy beside our kinematics in tests'),
    ('launch_ros', 'launch_ros', "'ros2 launch'; 'franka-rl up' starts the same systems"),
)


def command(json_file: JsonFile = None) -> None:
    """Print versions, ROS set-up and hardware of this machine, and what is missing."""
    system = _system()
    packages = {name: _version(name, distribution) for name, distribution, _ in PACKAGES}
    optional = {name: loss for name, _, loss in PACKAGES}
    problems = [name for name, found in packages.items() if found is None and not optional[name]]
    problems += [key for key in ('share', 'ros_distro') if system[key] is None]
    for key, value in system.items():
        print(f'{key:24}{"MISSING" if value is None else value}')
    for name, found in packages.items():
        print(f'{name:24}{found or _missing(optional[name])}')
    print('missing: ' + ', '.join(problems) if problems else 'nothing is missing')
    if problems:
        print("run 'make setup' in the source folder, then '. ./env.sh'")
    write_json(json_file, {'system': system, 'packages': packages, 'missing': problems})
    raise typer.Exit(1 if problems else 0)


def _missing(loss: str) -> str:
    return f'not installed (without it: no {loss})' if loss else 'MISSING'


def _version(name: str, distribution: str) -> str | None:
    if find_spec(name) is None:
        return None
    for candidate in (distribution, f'ros-{distribution}', f'ros-jazzy-{distribution}'):
        try:
            return version(candidate)
        except PackageNotFoundError:
            continue
    return 'installed'


def _system() -> dict[str, Any]:
    """Describe the machine; None where something is missing."""
    return {
        'franka_rl': _version('franka_rl_core', 'franka_rl_core'),
        'share': _share(),
        'python': f'{platform.python_version()} ({sys.prefix})',
        'system': f'{platform.system()} {platform.release()}, {platform.machine()}',
        'cores': os.cpu_count(),
        'gpu': _gpu(),
        'ros_distro': os.environ.get('ROS_DISTRO') or ('jazzy (wheels)' if _wheels() else None),
        'rmw': os.environ.get('RMW_IMPLEMENTATION', 'rmw_fastrtps_cpp (default)'),
        'ros_domain_id': os.environ.get('ROS_DOMAIN_ID', '0 (default)'),
        'discovery_range': os.environ.get('ROS_AUTOMATIC_DISCOVERY_RANGE', 'SUBNET (default)'),
    }


def _wheels() -> bool:
    return find_spec('rclpy') is not None


def _share() -> str | None:
    from franka_rl_core.exceptions import RefusedError
    from franka_rl_core.share import share_dir

    try:
        return str(share_dir())
    except RefusedError:
        return None


def _gpu() -> str:
    if shutil.which('nvidia-smi') is None:
        return 'none found (not needed)'
    command = ['nvidia-smi', '--query-gpu=name', '--format=csv,noheader']
    result = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    return ', '.join(result.stdout.split('\n')).strip(', ') or 'none found (not needed)'
