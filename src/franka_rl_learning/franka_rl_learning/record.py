# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a training: a row for every episode that has ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from franka_rl_core.exceptions import RefusedError

# Episodes that a mean is taken over.
RECENT = 100
#: What is known of an episode. ``return``: sum of its rewards. ``length``: its steps. ``steps``:
#: those of all worlds in this run, when it ended. ``seconds``: of learning until then [s].
ROW = np.dtype(
    [('return', '<f4'), ('length', '<i4'), ('success', '?'), ('steps', '<i8'), ('seconds', '<f4')]
)


class EpisodeRecord:
    """
    Grows by a row for every episode, in the order in which they end.

    Who steps the worlds adds the episodes, and who watches the training stamps them.
    """

    def __init__(self) -> None:
        self._rows = np.zeros(1024, ROW)
        self._added = self._stamped = self._saved = 0

    def __len__(self) -> int:
        """Give the number of episodes that are stamped."""
        return self._stamped

    @property
    def rows(self) -> NDArray[Any]:
        """All that is stamped: (E,) of :data:`ROW`."""
        return self._rows[: self._stamped]

    def add(self, returns: Any, lengths: Any, successes: Any) -> None:
        """
        Add the episodes that end in one step.

        :param returns: (K,), K ≥ 1.
        :param lengths: (K,) [steps].
        :param successes: (K,) of bool.
        """
        first, self._added = self._added, self._added + len(returns)
        if self._added > len(self._rows):
            before, self._rows = self._rows, np.zeros(2 * self._added, ROW)
            self._rows[: len(before)] = before
        rows = self._rows[first : self._added]
        rows['return'], rows['length'], rows['success'] = returns, lengths, successes

    def stamp(self, steps: int, seconds: float) -> None:
        """
        Say when the episodes ended that were added since the last time.

        :param steps: of all worlds in this run.
        :param seconds: of learning in this run [s].
        """
        if self._stamped == self._added:
            return
        rows = self._rows[self._stamped : self._added]
        rows['steps'], rows['seconds'] = steps, seconds
        self._stamped = self._added

    @property
    def recent(self) -> tuple[float, float]:
        """Mean return and success rate of the last 100 episodes; NaN before the first."""
        rows = self._rows[max(0, self._added - RECENT) : self._added]
        if not len(rows):
            return float('nan'), float('nan')
        return float(rows['return'].mean()), float(rows['success'].mean())

    def restore(self, path: Path, steps: int) -> None:
        """
        Go on with what a file holds of the first steps of a run; without the file with nothing.

        :param steps: what ended later is left out: it will happen again.
        :raises RefusedError: the file holds something else.
        """
        rows = read_rows(path) if path.exists() else self._rows[:0]
        kept = int(np.searchsorted(rows['steps'], steps, side='right'))
        self._rows = np.concatenate([rows[:kept], np.zeros(1024, ROW)])
        self._added = self._stamped = kept
        self._saved = 0

    def save(self, path: Path) -> None:
        """Bring a file up to date; whenever this is interrupted, the file can be read."""
        if self._saved and path.exists():
            self._append(path)
        else:  # also what was cut back
            draft = path.with_suffix('.draft')
            with draft.open('wb') as file:
                np.save(file, self.rows)
            draft.rename(path)
        self._saved = len(self)

    def _append(self, path: Path) -> None:
        """Write the new rows behind the others; only then the header says that they are there."""
        with path.open('r+b') as file:
            npy.read_magic(file)
            npy.read_array_header_1_0(file)
            file.seek(self._saved * ROW.itemsize, os.SEEK_CUR)
            file.write(self.rows[self._saved :].tobytes())
            file.flush()
            file.seek(0)
            # NumPy leaves room in it for a larger number.
            npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(self.rows))


def read_rows(path: Path) -> NDArray[Any]:
    """
    Read the record of a training.

    :returns: (E,) of :data:`ROW`.
    :raises RefusedError: the file cannot be read, or holds something else.
    """
    try:
        rows: NDArray[Any] = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise RefusedError(f'{path} holds no training record: {error}') from error
    if getattr(rows, 'dtype', None) != ROW or rows.ndim != 1:
        raise RefusedError(f'{path} holds no training record, but other numbers')
    return rows
