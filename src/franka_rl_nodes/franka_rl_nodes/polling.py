# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that are asked for messages: an executor would wake up 1,000 times a second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.qos import QoSProfile


class _NeverCalled(CallbackGroup):
    """A group whose members no executor waits for."""

    def can_execute(self, entity: Any) -> bool:
        return False

    def beginning_execution(self, entity: Any) -> bool:
        return False

    def ending_execution(self, entity: Any) -> None:
        pass


class PolledSubscription:
    """
    A subscription without a callback; its queue is DDS's own.

    :param node: the node.
    :param kind: type of the messages.
    :param topic: its name.
    :param profile: its quality of service; with depth 1 only the newest message is kept.
    """

    def __init__(self, node: Node, kind: type, topic: str, profile: QoSProfile) -> None:
        group = _NeverCalled()
        self._kind = kind
        self._subscription = node.create_subscription(
            kind, topic, lambda _: None, profile, callback_group=group
        )
        self._group = group  # the subscription only refers to it weakly

    def messages(self) -> Iterator[Any]:
        """Take what has come since the last time, oldest first."""
        handle = self._subscription.handle
        with handle:
            while (taken := handle.take_message(self._kind, False)) is not None:
                yield taken[0]

    def newest(self) -> Any:
        """Take what has come since the last time, and give the last of it, None if nothing came."""
        last = None
        for message in self.messages():
            last = message
        return last
