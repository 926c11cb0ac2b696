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
    Hold SIGINT and SIGTERM back until this is done; then they do what they would have done.

    When a whole system is told to end, a program often fails for want of another one first, and is
    told itself while it clears up. Signals interrupt the main thread alone: in others, this does
    nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: came.append(number)) for number in _SIGNALS
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler or signal.SIG_DFL)
        for number in came[:1]:
            signal.raise_signal(number)
