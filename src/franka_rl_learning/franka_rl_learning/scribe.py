# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Writes down, while a training runs, what has come of it so far."""

from __future__ import annotations

import math
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from franka_rl_learning.record import EpisodeRecord
from franka_rl_learning.run_folder import RunFolder
from franka_rl_learning.trend import draw_trend

# Largest share of the time of a training that may go into this.
SHARE = 0.02
# Of the first time, with the import of matplotlib [s].
_FIRST_S = 0.6


class Scribe:
    """
    Saves the record of a training and draws its trend, whenever so many episodes have ended.

    Where that would cost more than :data:`SHARE` of the time, it is done less often. To be used in
    a ``with`` statement.

    :param run: folder of the run.
    :param record: its episodes.
    :param title: of the picture; None for no picture.
    :param interval: episodes between two times.
    """

    def __init__(
        self, run: RunFolder, record: EpisodeRecord, title: str | None, interval: int
    ) -> None:
        self._run, self._record = run, record
        self._title, self._interval = title, interval
        self._earliest = time.monotonic() + (_FIRST_S / SHARE if title else 0.0)
        self._next = following(len(record), interval)
        self._process: subprocess.Popen[bytes] | None = None
        self.seconds = 0.0  #: that this has taken so far [s]

    def __call__(self) -> None:
        """Write, if it is time to."""
        if len(self._record) < self._next:
            return
        if time.monotonic() >= self._earliest:
            self._write()

    def _write(self) -> None:
        before = self.seconds
        with _warned(), self._timed():
            self._record.save(self._run.record)
            if self._title:
                draw_trend(self._record.rows, self._title, self._run.trend)
        self._earliest = time.monotonic() + (self.seconds - before) / SHARE
        self._next = following(len(self._record), self._interval)

    def finish(self) -> None:
        """Write for the last time; the picture is there when the ``with`` statement ends."""
        if 'matplotlib.figure' in sys.modules or not self._title:
            self._write()
            return
        # To import what draws takes longer than to draw, and would be much of a short training.
        with _warned(), self._timed():
            self._record.save(self._run.record)
            files = str(self._run.record), self._title, str(self._run.trend)
            self._process = subprocess.Popen(
                [sys.executable, '-m', draw_trend.__module__, *files],
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is not for it
            )

    def __enter__(self) -> Scribe:
        """See :meth:`finish`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the last picture."""
        with self._timed():
            failed = self._process and self._process.wait()
        if failed:
            _warn(self._run.trend)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds += time.monotonic() - start


@contextmanager
def _warned() -> Iterator[None]:
    """Make a warning of what cannot be written: it is no reason to end a training."""
    try:
        yield
    except OSError as error:
        _warn(error)


def _warn(reason: object) -> None:
    warnings.warn(f'cannot write what came of the training: {reason}', stacklevel=3)


def following(count: int, interval: int) -> float:
    """Give the next multiple of an interval above a count; infinity if the interval is 0."""
    return (count // interval + 1) * interval if interval else math.inf
