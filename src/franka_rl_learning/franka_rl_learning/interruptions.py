# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Work that a signal must not leave half done."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """
    Hold back the signals that raise KeyboardInterrupt until this is done.

    When a whole system is told to end, a program often fails for want of another one first, and is
    told itself while it clears up. Signals interrupt the main thread alone: in others, this does
    nothing. Neither does it where they do something else.
    """
    ours = [n for n in _SIGNALS if signal.getsignal(n) is signal.default_int_handler]
    if not ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    for number in ours:
        signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.default_int_handler)
        if came:
            signal.raise_signal(came[0])
