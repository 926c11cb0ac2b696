# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""
One node of a name per ROS domain and machine.

A second one says so instead of mixing with the first.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from franka_rl_core.exceptions import RefusedError

# Kept open as long as the process lives: the lock ends with it, however it ends.
_held: list[IO[str]] = []


def hold(node: str) -> None:
    """
    Take the name of a node for this process.

    :param node: fully qualified name.
    :raises RefusedError: another process on this machine has it in this ROS domain.
    """
    file = _open(node)
    if not _lock(file):
        raise RefusedError(_taken(node, file))
    file.seek(0)
    file.truncate()
    file.write(str(os.getpid()))
    file.flush()
    _held.append(file)


def refuse_if_taken(nodes: Iterable[str]) -> None:
    """
    Refuse to start a system whose nodes are running.

    :raises RefusedError: names the node and the process that runs it.
    """
    for node in nodes:
        with _open(node) as file:
            if not _lock(file):
                raise RefusedError(_taken(node, file))


def _taken(node: str, file: IO[str]) -> str:
    file.seek(0)
    return (
        f'{node} is running already in ROS domain {_domain()} '
        f'(process {file.read() or "unknown"}); stop it, or choose another ROS_DOMAIN_ID'
    )


def _lock(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open(node: str) -> IO[str]:
    folder = Path(tempfile.gettempdir()) / f'franka_rl-{os.getuid()}'
    folder.mkdir(mode=0o700, exist_ok=True)
    name = node.strip('/').replace('/', '-')
    return (folder / f'domain-{_domain()}-{name}.lock').open('a+')


def _domain() -> str:
    return os.environ.get('ROS_DOMAIN_ID') or '0'
