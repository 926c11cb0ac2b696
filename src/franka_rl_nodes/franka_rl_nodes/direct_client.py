# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A service client for lock-step, where every tenth of a millisecond of a call counts."""

from __future__ import annotations

import time
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation as _rclpy
from rclpy.node import Node

from franka_rl_core.exceptions import BackendLostError
from franka_rl_nodes.runtime import SLICE_S, first_call, raise_if_shut_down


class DirectClient:
    """
    Waits for its answers itself, in the calling thread.

    A client that an executor serves hands each answer from thread to thread, and the executor looks
    at every entity of its node for each; waiting for the one service takes less time. This
    is how rclpy's own ``wait_for_message`` waits.

    :param node: the node, which no executor may spin.
    :param kind: type of the service.
    :param name: its name.
    """

    def __init__(self, node: Node, kind: Any, name: str) -> None:
        self._client = node.create_client(kind, name)
        self._answer = kind.Response
        self._wait_set = _rclpy.WaitSet(0, 0, 0, 1, 0, 0, node.context.handle)

    def call(self, request: Any, timeout_s: float) -> Any:
        """
        Call the service and wait.

        :raises BackendLostError: no answer within the time, or ROS was shut down.
        """
        return self._call(request, timeout_s, [])

    def _call(self, request: Any, timeout_s: float, tries: list[int]) -> Any:
        """Call, after other tries to send the same request; their numbers are kept there."""
        deadline = time.monotonic() + timeout_s
        handle = self._client.handle
        with handle:
            tries.append(handle.send_request(request))
            while True:
                self._wait(handle, deadline)
                header, answer = self._taken(handle)
                if answer is not None and _counts(header, answer, tries):
                    return answer
                if time.monotonic() >= deadline:
                    raise BackendLostError(
                        f'{self._client.srv_name} did not answer within {timeout_s:g} s'
                    )

    def _taken(self, handle: Any) -> tuple[Any, Any]:
        """Take an answer, if there is one."""
        try:
            taken: tuple[Any, Any] = handle.take_response(self._answer)
        except SystemError as error:
            # It runs Python code to make the message; what a signal raises there comes out so.
            if isinstance(error.__cause__, KeyboardInterrupt):
                raise KeyboardInterrupt from error
            raise
        return taken

    def first_call(self, request: Any, timeout_s: float) -> Any:
        """Call as :func:`franka_rl_nodes.runtime.first_call`."""
        tries: list[int] = []
        ask = lambda _, *rest: self._call(*rest, tries)  # noqa: E731
        return first_call(self._client, request, timeout_s, ask)

    def wait(self, timeout_s: float) -> None:
        """
        Wait until the service is there.

        :raises BackendLostError: it is not, within the time.
        """
        if not self._client.wait_for_service(timeout_sec=timeout_s):
            raise BackendLostError(f'there is no service {self._client.srv_name}')

    def _wait(self, handle: Any, deadline: float) -> None:
        """Wait for an answer, in slices: a signal is noticed between two of them."""
        left = min(SLICE_S, max(deadline - time.monotonic(), 0.0))
        raise_if_shut_down(self._client.context)
        self._wait_set.clear_entities()
        self._wait_set.add_client(handle)
        self._wait_set.wait(int(1e9 * left))


def _counts(header: Any, answer: Any, tries: list[int]) -> bool:
    """
    Say whether an answer is the one that is waited for.

    One to an earlier call came too late. One to an earlier try of the same request tells what went
    wrong; if nothing did, the server is still at work on the newest.
    """
    number = header.request_id.sequence_number
    return number == tries[-1] or (number in tries and bool(getattr(answer, 'error', '')))
