# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The progress of a training on standard error."""

from __future__ import annotations

import io
import math
import sys
import time
from typing import Any

from tqdm import tqdm

from franka_rl_learning.progress import Progress


class ProgressBar:
    """
    Shows what is done and the time left; pass it as ``on_progress``, in a ``with`` statement.

    :param show: None for only where standard error is a terminal.
    :param lines: a line for every report, as in a log, instead of one that changes.
    :param pause: least time between two lines [s].
    """

    def __init__(
        self, show: bool | None = None, *, lines: bool = False, pause: float = 0.0
    ) -> None:
        self._show = sys.stderr.isatty() if show is None else show
        self._lines, self._pause = lines, pause
        self._printed = -math.inf
        self._bar: Any = None

    def __enter__(self) -> ProgressBar:
        """Show nothing until the first report."""
        return self

    def __call__(self, progress: Progress) -> None:
        """Show a report; what is done at the first one does not count for the rate."""
        if not self._show or (self._bar is not None and self._bar.disable):
            return  # `disable`: it is closed
        done, total, unit = progress.parts
        if self._bar is None:
            self._bar = self._new(done, total, unit)
            return
        self._bar.total = max(total, done)
        self._bar.set_postfix_str(progress.summary(), refresh=False)
        self._bar.update(done - self._bar.n)
        last = done >= total
        if self._lines:
            self._print(last)
        if last:
            self._bar.close()  # now, because the rate counts the time until then

    def _new(self, done: int, total: int, unit: str) -> Any:
        look: dict[str, Any] = {'unit': unit, 'unit_scale': unit == 'step'}
        # What tqdm would write is left where nobody sees it, if lines are printed instead.
        look |= {'file': io.StringIO()} if self._lines else {'dynamic_ncols': True}
        return tqdm(total=total, initial=done, **look)

    def _print(self, last: bool) -> None:
        now = time.monotonic()
        if last or now - self._printed >= self._pause:
            self._printed = now
            print(self._bar, file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        """End the line."""
        if self._bar is not None:
            self._bar.close()
