# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The numbers that a program leaves for other programs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from franka_rl_core.exceptions import FrankaRLError, RefusedError


def check_json(path: Path | None) -> Path | None:
    """
    Refuse a file that cannot be written, before the work whose numbers it shall hold.

    :param path: None for no file.
    :returns: the path.
    :raises RefusedError: its folder does not exist, or is not writable.
    """
    if path is None or (path.exists() and os.access(path, os.W_OK) and not path.is_dir()):
        return path
    if path.exists() or not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise RefusedError(f'cannot write {path}: name a file in an existing, writable folder')
    return path


def write_json(path: Path | None, content: dict[str, Any]) -> None:
    """
    Write numbers as JSON.

    :param path: None writes nothing.
    :raises FrankaRLError: the file cannot be written.
    """
    if path is None:
        return
    text = json.dumps(content, indent=2, allow_nan=False) + '\n'
    if path == Path('/dev/stdout'):  # opening it anew would overwrite what was printed into a file
        sys.stdout.write(text)
        return
    try:
        path.write_text(text)
    except OSError as error:
        raise FrankaRLError(f'cannot write {path}: {error.strerror}') from error
