# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a run comes from: versions and commit, nothing about the machine or its user."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PACKAGES = ('numpy', 'gymnasium', 'torch', 'stable-baselines3', 'onnx', 'pybullet')


def versions() -> dict[str, str]:
    """Give the versions of Python and of the packages that results depend on."""
    found = {'python': platform.python_version()}
    for package in ('franka_rl_learning', *PACKAGES):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """
    Give the git commit of this software; None outside its repository.

    :returns: the hash, and ``with changes`` if files were changed since.
    """
    here = Path(__file__).resolve().parent
    top = _git(here, 'rev-parse', '--show-toplevel')
    if not top or not (Path(top) / 'src' / 'franka_rl_learning').is_dir():
        return None
    head = _git(here, 'rev-parse', 'HEAD')
    changed = _git(Path(top), 'status', '--porcelain', '--untracked-files=no')
    return head and head + (' with changes' if changed else '')


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(
            ['git', '-C', str(folder), *arguments],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()
