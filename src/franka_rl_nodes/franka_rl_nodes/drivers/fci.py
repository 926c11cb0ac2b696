# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulator that breaks as the real arm does, by services of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from std_srvs.srv import Trigger

from franka_rl_core.exceptions import RefusedError
from franka_rl_interfaces.msg import RobotStatus
from franka_rl_interfaces.srv import SwitchController
from franka_rl_nodes import qos
from franka_rl_nodes.drivers.base import Driver, ask

_TIMEOUT_S = 5.0


class FciDriver(Driver):
    """Talks to ``<simulator>/switch_controller`` and ``<simulator>/error_recovery``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simulator = self.config.simulator
        self._switching = self.client(SwitchController, f'{simulator}/switch_controller')
        self._recovery = self.client(Trigger, f'{simulator}/error_recovery')
        self.node.create_subscription(RobotStatus, 'robot_status', self._on_status, qos.LATCHED)

    def activate(self, controller: str) -> None:
        """See :meth:`Driver.activate`."""
        self._switch(controller, True)

    def deactivate(self, controller: str) -> None:
        """See :meth:`Driver.deactivate`."""
        self._switch(controller, False)

    def recover(self) -> Iterator[str]:
        """See :meth:`Driver.recover`."""
        yield 'error recovery'
        answer = ask(self._recovery, Trigger.Request(), _TIMEOUT_S)
        if not answer.success:
            raise RefusedError(f'the robot does not recover: {answer.message}')

    def _switch(self, controller: str, active: bool) -> None:
        request = SwitchController.Request(controller=controller, active=active)
        answer = ask(self._switching, request, _TIMEOUT_S)
        if not answer.success:
            verb = 'start' if active else 'stop'
            raise RefusedError(f'cannot {verb} {controller}: {answer.message}')
