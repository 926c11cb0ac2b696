# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A loop of constant rate in a thread of its own: an executor takes too long for 1 kHz."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable

import numpy as np

# Python lets a thread go on for so long while another one waits [s]; its default is 5 ms.
_SWITCH_INTERVAL_S = 0.0005
# So many ticks are remembered for the statistics.
_REMEMBERED = 5000


class GridClock:
    """
    Gives stamps of the system's clock for points on the steady clock's grid.

    Stamps are as far apart as the points: the difference of the clocks is measured now and then,
    and taken over only when the system's clock was set.
    """

    _EVERY = 1000
    _QUICK_S = 1e-4  # both clocks were read at once
    _SET_NS = 500_000

    def __init__(self) -> None:
        self._difference = 0  # [ns]
        self._calls = 0

    def stamp_ns(self, now: float) -> int:
        """Give the system's time [ns] at a time of the steady clock [s]."""
        if self._calls % self._EVERY == 0:
            self._measure()
        self._calls += 1
        return round(1e9 * now) + self._difference

    def _measure(self) -> None:
        for _ in range(10):
            before, system, after = time.monotonic_ns(), time.time_ns(), time.monotonic_ns()
            if after - before < 1e9 * self._QUICK_S:
                break
        difference = system - (before + after) // 2
        if abs(difference - self._difference) > self._SET_NS:
            self._difference = difference


class SteadyLoop:
    """
    Calls a function at the points of a time grid, whatever the other threads do.

    A tick that comes late is made up for: all points of the grid that were missed are served at
    once. After a longer pause, those that were missed are left out.

    :param period_s: distance of the points [s].
    :param tick: called with the time of the point [s], steady clock.
    :param longest_delay_s: a pause from which on points are left out [s].
    :param on_error: called with what ``tick`` has raised; the loop has ended then.
    :param priority: of the thread, real-time (1 to 99), where the system permits that (for users:
        rtprio in /etc/security/limits.d); 0 for none.
    """

    def __init__(
        self,
        period_s: float,
        tick: Callable[[float], None],
        longest_delay_s: float,
        on_error: Callable[[Exception], None],
        priority: int = 0,
    ) -> None:
        self._period, self._tick = period_s, tick
        self._longest, self._on_error = longest_delay_s, on_error
        self._priority = priority
        self._took: deque[float] = deque(maxlen=_REMEMBERED)
        self.left_out = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name='steady loop', daemon=True)
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_S))

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the present tick; calling it twice, or before the start, is fine."""
        self._stop.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(timeout=2.0)

    def percentiles_us(self, *shares: float) -> list[float]:
        """Give percentiles of the time that the last ticks took [µs]; none before the first."""
        took = list(self._took)
        return (1e6 * np.percentile(took, shares)).round(1).tolist() if took else []

    def _run(self) -> None:
        if self._priority:
            with contextlib.suppress(OSError):
                os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(self._priority))
        try:
            self._loop()
        except Exception as error:  # whatever it is, the node has to know
            self._on_error(error)

    def _loop(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            begin = time.monotonic()
            if begin < due:
                time.sleep(due - begin)
                continue
            if begin - due > self._longest:
                missed = int((begin - due) / self._period)
                self.left_out += missed
                due += missed * self._period
            self._tick(due)
            self._took.append(time.monotonic() - begin)
            due += self._period
