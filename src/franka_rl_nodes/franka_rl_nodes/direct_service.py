# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A service for lock-step, where every tenth of a millisecond of a call counts."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from rclpy.exceptions import InvalidHandle
from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.node import Node

from franka_rl_nodes.callback_groups import NeverCalled
from franka_rl_nodes.runtime import SLICE_S, give_up


class DirectService:
    """
    Waits for its requests itself, in a thread of its own.

    An executor looks at every entity of its node for each request; waiting for the one service
    takes less time. See :class:`DirectClient`, the other side.

    :param node: the node.
    :param kind: type of the service.
    :param name: its name.
    :param answer: called with a request and an empty response; gives the response.
    :param lock: of what it shares with the node's callbacks; held while it answers.
    :param afterwards: called when an answer has been sent: for what the client need not wait for.
    """

    def __init__(
        self,
        node: Node,
        kind: Any,
        name: str,
        answer: Callable[[Any, Any], Any],
        lock: threading.Lock,
        afterwards: Callable[[], None] = lambda: None,
    ) -> None:
        self._node, self._kind, self._answer, self._lock = node, kind, answer, lock
        self._afterwards = afterwards
        self._group = NeverCalled()
        self._service = node.create_service(kind, name, answer, callback_group=self._group)
        self._wait_set = _rclpy.WaitSet(0, 0, 0, 0, 1, 0, node.context.handle)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more; a request that is worked on is answered first."""
        self._end.set()
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        handle, context = self._service.handle, self._node.context
        try:
            with contextlib.suppress(InvalidHandle), handle:
                while context.ok() and not self._end.is_set():
                    self._wait_set.clear_entities()
                    self._wait_set.add_service(handle)
                    self._wait_set.wait(int(1e9 * SLICE_S))
                    request, header = handle.service_take_request(self._kind.Request)
                    if header is not None:
                        with self._lock:
                            answer = self._answer(request, self._kind.Response())
                        handle.service_send_response(answer, header.request_id)
                        with self._lock:
                            self._afterwards()
        except Exception as error:  # whatever it is, the node has to end
            give_up(self._node, f'{self._service.srv_name} has ended: {error!r}')
