# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where the files that are not Python are: ``config/`` and ``urdf/``."""

from __future__ import annotations

import os
from pathlib import Path

from franka_rl_core.exceptions import RefusedError, UnknownNameError


def share_dir() -> Path:
    """
    Return the folder that holds ``config/`` and ``urdf/``.

    This is ``share/franka_rl`` of the first prefix in ``AMENT_PREFIX_PATH`` that has it (a sourced
    ROS 2 workspace), else the source tree around this file.

    :raises RefusedError: neither exists.
    """
    prefixes = filter(None, os.environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep))
    installed = [Path(prefix) / 'share' / 'franka_rl' for prefix in prefixes]
    for folder in [*installed, *Path(__file__).resolve().parents]:
        if (folder / 'config' / 'robots').is_dir() and (folder / 'urdf').is_dir():
            return folder
    raise RefusedError(
        'config/ and urdf/ of franka_rl not found: source the workspace that holds the package '
        'franka_rl (AMENT_PREFIX_PATH), or run from a source tree'
    )


def config_file(*parts: str) -> Path:
    """
    Return the path of a configuration file, e.g. ``config_file('robots', 'panda.yaml')``.

    :raises UnknownNameError: there is no such file; lists the ones beside it.
    """
    return _existing(share_dir().joinpath('config', *parts))


def urdf_file(name: str) -> Path:
    """
    Return the path of a robot description, e.g. ``urdf_file('panda.urdf')``.

    :raises UnknownNameError: there is no such file; lists the ones that exist.
    """
    return _existing(share_dir() / 'urdf' / name)


def _existing(path: Path) -> Path:
    if not path.is_file():
        siblings = path.parent.glob('*') if path.parent.is_dir() else ()
        known = [sibling.name for sibling in siblings if sibling.is_file()]
        raise UnknownNameError(f'file in {path.parent}', path.name, known)
    return path
