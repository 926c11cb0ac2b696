# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
What suits a task, where the defaults do not: ``config/tasks/<task>.yaml``.

The file holds, under ``algorithms``, the one to take for each backend, and under the name of an
algorithm settings of the run and of the algorithm. Whatever a user says has precedence.
"""

from __future__ import annotations

from typing import Any

from franka_rl_core.settings import read_yaml
from franka_rl_core.share import share_dir

#: Where nothing else suits better
ALGORITHM = 'ppo'


def suited_algorithm(task: str, backend: str) -> str:
    """Name the algorithm to learn a task with, on a backend."""
    return str(_read(task).get('algorithms', {}).get(backend, ALGORITHM))


def suited_settings(task: str, algorithm: str) -> dict[str, Any]:
    """Give settings of the run and of the algorithm, side by side."""
    return dict(_read(task).get(algorithm, {}))


def _read(task: str) -> dict[str, Any]:
    path = share_dir() / 'config' / 'tasks' / f'{task}.yaml'
    return read_yaml(path) if path.is_file() else {}
