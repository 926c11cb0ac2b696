# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A driver that has nothing to start and cannot fail: the streaming simulator."""

from __future__ import annotations

from collections.abc import Iterator

from franka_rl_nodes.drivers.base import Driver


class NoDriver(Driver):
    """Does nothing: the arm follows its commands whenever there are any."""

    def activate(self, controller: str) -> None:
        """See :meth:`Driver.activate`."""

    def deactivate(self, controller: str) -> None:
        """See :meth:`Driver.deactivate`."""

    def recover(self) -> Iterator[str]:
        """See :meth:`Driver.recover`."""
        return iter(())
