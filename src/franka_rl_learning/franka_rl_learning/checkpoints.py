# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: folders that exist completely or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

#: How many are kept.
KEPT = 2


class Checkpoints:
    """
    The checkpoints of a run, named by the world steps they were made after.

    :param folder: where they are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def newest(self) -> Path | None:
        """Give the one with the most steps."""
        return max(self.folder.glob('step_*'), default=None)

    def save(self, steps: int, write: Callable[[Path], None]) -> Path:
        """
        Make one, and delete all but the newest.

        :param steps: world steps so far.
        :param write: writes its content to an empty folder.
        :returns: its folder.
        """
        final = self.folder / f'step_{steps:012d}'
        if final.exists():  # nothing was learned since
            return final
        draft = self.folder / 'draft'
        shutil.rmtree(draft, ignore_errors=True)  # of a process that was killed
        draft.mkdir(parents=True)
        write(draft)
        draft.rename(final)
        for old in sorted(self.folder.glob('step_*'))[:-KEPT]:
            shutil.rmtree(old)
        return final
