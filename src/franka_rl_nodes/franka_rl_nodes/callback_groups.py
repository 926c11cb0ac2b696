# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What executors are kept away from."""

from __future__ import annotations

from typing import Any

from rclpy.callback_groups import CallbackGroup


class NeverCalled(CallbackGroup):
    """
    A group whose members no executor waits for: somebody else asks them for what has come.

    Entities refer to their group weakly: keep it.
    """

    def can_execute(self, entity: Any) -> bool:
        """See :class:`CallbackGroup`."""
        return False

    def beginning_execution(self, entity: Any) -> bool:
        """See :class:`CallbackGroup`."""
        return False

    def ending_execution(self, entity: Any) -> None:
        """See :class:`CallbackGroup`."""
