# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Calls past the executors: one end waits for answers, the other for requests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip('rclpy')

from rclpy.node import Node
from std_srvs.srv import SetBool

from franka_rl_core.exceptions import BackendLostError
from franka_rl_interfaces.srv import ResetWorlds
from franka_rl_nodes import runtime
from franka_rl_nodes.direct_client import DirectClient
from franka_rl_nodes.direct_service import DirectService

pytestmark = pytest.mark.real_time


@pytest.fixture
def ends(context: Any) -> Iterator[SimpleNamespace]:
    """Give both ends of a service, on nodes that nobody spins; each may be made to wait."""
    free = threading.Event()
    free.set()

    def answer(request: Any, response: Any) -> Any:
        free.wait(10.0)
        if not request.data:
            raise ValueError('nothing to do')
        response.message = 'done'
        return response

    def tidy_up() -> None:
        tidy.wait(10.0)
        tidied.append(True)

    tidy, tidied = threading.Event(), []
    tidy.set()
    server, asking = (Node(name, context=context) for name in ('server', 'asking'))
    service = DirectService(server, SetBool, '~/do', answer, threading.Lock(), tidy_up)
    client = DirectClient(asking, SetBool, 'server/do')
    client.wait(10.0)
    yield SimpleNamespace(
        server=server, service=service, client=client, free=free, tidy=tidy, tidied=tidied
    )
    free.set()
    tidy.set()
    service.close()
    for node in (server, asking):
        node.destroy_node()


def test_answers_though_no_executor_runs(ends: SimpleNamespace) -> None:
    for _ in range(3):
        assert ends.client.call(SetBool.Request(data=True), 5.0).message == 'done'


def test_nobody_waits_for_what_is_done_afterwards(ends: SimpleNamespace) -> None:
    ends.tidy.clear()
    assert ends.client.call(SetBool.Request(data=True), 5.0).message == 'done'
    assert not ends.tidied
    ends.tidy.set()
    assert ends.client.call(SetBool.Request(data=True), 5.0).message == 'done'
    assert ends.tidied


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_one(ends: SimpleNamespace) -> None:
    ends.free.clear()
    with pytest.raises(BackendLostError, match='server/do did not answer within 0.2 s'):
        ends.client.call(SetBool.Request(data=True), 0.2)
    ends.free.set()
    assert ends.client.call(SetBool.Request(data=True), 5.0).message == 'done'


def test_a_signal_while_the_answer_is_read_interrupts(
    ends: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def signal() -> None:
        monkeypatch.setattr(SetBool.Response, '__init__', interrupted)
        ends.free.set()

    ends.free.clear()  # the service has its response by the time of the signal
    timer = threading.Timer(0.3, signal)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        ends.client.call(SetBool.Request(data=True), 5.0)
    timer.join()


@pytest.mark.parametrize('problems', [('it is lost', '', ''), ('', 'it is lost', '')])
def test_what_went_wrong_in_an_earlier_try_is_an_answer_and_success_is_none(
    context: Any, monkeypatch: pytest.MonkeyPatch, problems: tuple[str, ...]
) -> None:
    monkeypatch.setattr(runtime, '_FIRST_CALL_TIMEOUT_S', 0.2)
    answers = iter(problems)

    def answer(request: Any, response: Any) -> Any:
        threading.Event().wait(0.6)  # some tries long
        response.error = next(answers, 'asked once more')
        return response

    server, asking = (Node(name, context=context) for name in ('server', 'asking'))
    with closing(DirectService(server, ResetWorlds, '~/do', answer, threading.Lock())):
        client = DirectClient(asking, ResetWorlds, 'server/do')
        client.wait(10.0)
        assert client.first_call(ResetWorlds.Request(), 5.0).error == 'it is lost'
    for node in (server, asking):
        node.destroy_node()


def test_what_goes_wrong_ends_the_node(ends: SimpleNamespace, context: Any) -> None:
    with pytest.raises(BackendLostError):
        ends.client.call(SetBool.Request(data=False), 5.0)
    assert ends.server.failed and not context.ok()


def test_a_closed_one_answers_no_more(ends: SimpleNamespace) -> None:
    ends.service.close()
    ends.service.close()
    with pytest.raises(BackendLostError):
        ends.client.call(SetBool.Request(data=True), 0.3)
