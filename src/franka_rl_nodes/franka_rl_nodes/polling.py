# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Subscriptions that are asked for messages: an executor would wake up 1,000 times a second."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile

from franka_rl_nodes.callback_groups import NeverCalled


class PolledSubscription:
    """
    A subscription without a callback; its queue is DDS's own.

    :param node: the node.
    :param kind: type of the messages.
    :param topic: its name.
    :param profile: its quality of service; with depth 1 only the newest message is kept.
    """

    def __init__(self, node: Node, kind: type, topic: str, profile: QoSProfile) -> None:
        group = NeverCalled()
        self._kind = kind
        self._subscription = node.create_subscription(
            kind, topic, lambda _: None, profile, callback_group=group
        )
        self._group = group  # kept

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
