# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""How the nodes run: exit codes, executors, calls with a time-out."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from franka_rl_core.exceptions import BackendLostError, FrankaRLError, RefusedError
from franka_rl_core.exit_codes import DONE, FAILED, INTERRUPTED, REFUSED
from franka_rl_nodes import single_instance

# A lost first call is repeated after this time: a server may take requests before it can answer.
_FIRST_CALL_TIMEOUT_S = 2.0
# Time after which a waiting program notices that ROS was shut down.
SLICE_S = 0.2


def serve(make_node: Callable[[], Node]) -> int:
    """
    Run a node that only answers until it is told to stop.

    :returns: exit code: 0 after SIGINT or SIGTERM, 2 refused, 1 failed.
    """
    # rclpy ends the spinning; a KeyboardInterrupt on top would come in the middle of anything.
    signal.signal(signal.SIGINT, lambda *_: None)
    code = _run(lambda: _spin(make_node))
    # One that was told to stop while it was starting has done what it was told, too.
    return DONE if code == INTERRUPTED else code


def work(main: Callable[[], int]) -> int:
    """
    Run a program that does its work in the main thread.

    SIGINT and SIGTERM interrupt ``main`` by KeyboardInterrupt.

    :param main: returns the exit code.
    :returns: exit code: that of ``main``, or 130 interrupted, 2 refused, 1 failed.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    return _run(main, SignalHandlerOptions.NO)


def leave(code: int) -> None:
    """End the process with this exit code."""
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)


def _run(main: Callable[[], int], handlers: SignalHandlerOptions | None = None) -> int:
    # A node waits for others most of the time; threads of PyTorch that spin meanwhile would take
    # the cores that those need. PyTorch is not imported yet: only what needs it does that.
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    rclpy.init(args=sys.argv, signal_handler_options=handlers)
    try:
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
    except RuntimeError:  # rclpy has no public name for its errors
        if rclpy.ok():
            raise
        return INTERRUPTED  # a signal has shut ROS down while the program was starting
    except RefusedError as error:
        print(f'refused: {error}', file=sys.stderr)
        return REFUSED
    except FrankaRLError as error:
        print(f'failed: {error}', file=sys.stderr)
        return FAILED
    finally:
        rclpy.try_shutdown()


def _spin(make_node: Callable[[], Node]) -> int:
    node = make_node()
    try:
        hold_name(node)
        _spare_from_collection()
        rclpy.spin(node)
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    finally:
        node.destroy_node()
        gc.unfreeze()  # or extension modules tell at the end that their objects were never freed
    # What a node does in threads of its own may fail while it is spun.
    return FAILED if getattr(node, 'failed', False) else DONE


def _spare_from_collection() -> None:
    """
    Let the garbage collector leave alone what exists by now: it stays until the process ends.

    To look through all that was imported takes Python a tenth of a second, in which no thread runs,
    one that streams to an arm neither.
    """
    # Not after a collection: with one here, a policy sometimes received no joint states.
    gc.freeze()


def give_up(node: Any, problem: str) -> None:
    """
    End a node because of what happened in a thread of its own; its process will have failed.

    Where ROS is shut down already, whatever happened is no news.
    """
    if node.context.ok():
        node.get_logger().fatal(problem)
        node.failed = True
        node.context.try_shutdown()


def hold_name(node: Node) -> None:
    """
    Refuse to run beside a node of the same name.

    :raises RefusedError: there is one.
    """
    single_instance.hold(node.get_fully_qualified_name())


def client_node(name: str, context: Context | None) -> Node:
    """Make a node that only calls, and serves nothing."""
    return Node(
        name,
        context=context,
        # A user's `-r __node:=…` is for the program's own node.
        cli_args=['--ros-args', '-r', f'__node:={name}'],
        start_parameter_services=False,
        enable_rosout=False,
        parameter_overrides=[Parameter('start_type_description_service', value=False)],
    )


class BackgroundNode:
    """
    A node that is spun by a thread of its own, for code that waits for answers.

    Nothing else may spin it. Repeated ``spin_until_future_complete`` slows down with every call
    on rclpy 7.1, and a call from inside a callback would wait for itself.

    :param node: the node; it is destroyed by :meth:`close`.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self._executor = SingleThreadedExecutor(context=node.context)
        self._executor.add_node(node)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._spin, name=node.get_name(), daemon=True)
        self._thread.start()

    def client(self, kind: Any, name: str) -> Client:
        """Make a client of a service."""
        return self.node.create_client(kind, name)

    def answer(
        self,
        send: Callable[..., Future],
        *arguments: Any,
        timeout_s: float,
        what: str,
        check: Callable[[], None] = lambda: None,
    ) -> Any:
        """
        Send something by a method of an action's client, and wait for the answer.

        It is sent by the thread that spins: rclpy drops an answer that comes before the sending
        method has noted its number (``ActionClient.send_goal_async``, rclpy 7.1).

        :param check: called now and then meanwhile; raises where waiting has become pointless.
        :raises BackendLostError: no answer within the time, or ROS was shut down.
        """
        sent = self.perform(send, *arguments, timeout_s=timeout_s, what=what)
        return result_of(sent, timeout_s, what, self.node.context, check)

    def perform(
        self,
        work: Callable[..., Any],
        *arguments: Any,
        timeout_s: float = 5.0,
        what: str = 'a node',
    ) -> Any:
        """
        Have the thread that spins do something, and give its result.

        What is destroyed must be destroyed by it: it may just wait for that very thing, and then
        ends with an ``InvalidHandle`` (rclpy 7.1).

        :raises BackendLostError: not done within the time, or ROS was shut down.
        """
        done = self._executor.create_task(work, *arguments)
        return result_of(done, timeout_s, what, self.node.context)

    def close(self) -> None:
        """Stop spinning and destroy the node; calling it twice is fine."""
        if self._thread.is_alive():
            # By the thread itself: an executor that is shut down while it spins may fail.
            self._executor.create_task(self._end.set)
            self._thread.join(timeout=2.0)
            self._executor.shutdown(timeout_sec=1.0)
            self.node.destroy_node()

    def _spin(self) -> None:
        with contextlib.suppress(ExternalShutdownException):
            while not self._end.is_set():
                self._executor.spin_once()


def call(client: Client, request: Any, timeout_s: float) -> Any:
    """
    Call a service and wait, from any thread that does not spin the client's node.

    :raises BackendLostError: no answer within the time, or ROS was shut down.
    """
    future = client.call_async(request)
    try:
        return result_of(future, timeout_s, client.srv_name, client.context)
    finally:
        client.remove_pending_request(future)


def first_call(
    client: Client,
    request: Any,
    timeout_s: float,
    ask: Callable[[Client, Any, float], Any] = call,
) -> Any:
    """
    Call a service whose server may still be starting. The request must be one that may be repeated.

    :param ask: how to call.
    :raises BackendLostError: no answer within the time.
    """
    deadline = time.monotonic() + timeout_s
    while (left := deadline - time.monotonic()) > 0.0:
        if client.wait_for_service(timeout_sec=min(left, 1.0)):
            with contextlib.suppress(BackendLostError):
                return ask(client, request, min(left, _FIRST_CALL_TIMEOUT_S))
        raise_if_shut_down(client.context)
    raise BackendLostError(f'{client.srv_name} did not answer within {timeout_s:g} s')


def result_of(
    future: Future,
    timeout_s: float,
    what: str,
    context: Context,
    check: Callable[[], None] = lambda: None,
) -> Any:
    """
    Wait for a future that another thread's executor completes.

    :param check: called now and then meanwhile; raises where waiting has become pointless.
    :raises BackendLostError: it was not completed within the time, or ROS was shut down.
    """
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    deadline = time.monotonic() + timeout_s
    # In slices: after a shutdown nothing will complete it.
    while not done.wait(min(SLICE_S, max(deadline - time.monotonic(), 0.0))):
        raise_if_shut_down(context)
        check()
        if time.monotonic() >= deadline:
            raise BackendLostError(f'{what} did not answer within {timeout_s:g} s')
    return future.result()


def raise_if_shut_down(context: Context) -> None:
    """
    Refuse to wait for what cannot come any more.

    :raises BackendLostError: ROS was shut down.
    """
    if not context.ok():
        raise BackendLostError('ROS was shut down')
