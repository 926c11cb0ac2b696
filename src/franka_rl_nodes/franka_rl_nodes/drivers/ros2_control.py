# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The controller manager of ros2_control, as far as the guard needs it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from builtin_interfaces.msg import Duration
from lifecycle_msgs.msg import State

from franka_rl_core.exceptions import RefusedError
from franka_rl_nodes.drivers.base import Driver, ask
from franka_rl_nodes.drivers.ros_packages import message

# A switch takes a cycle of the control loop; the controller manager gives up after this time [s].
_SWITCH_S = 5
_ANSWER_S = 10.0
# The hardware component connects to the robot anew [s].
_HARDWARE_S = 30.0


class ControllerManager:
    """
    Starts and stops controllers, and says in words why not.

    What is done already is not asked for: with strictness STRICT that would be an error, and with
    BEST_EFFORT a controller that cannot be started would be none
    (ros-controls/ros2_control, controller_manager.cpp).

    :param driver: whose node makes the clients.
    """

    def __init__(self, driver: Driver) -> None:
        name, services = driver.config.controller_manager, 'controller_manager_msgs.srv'
        self._list = message(services, 'ListControllers')
        self._switch = message(services, 'SwitchController')
        self._set_hardware = message(services, 'SetHardwareComponentState')
        self._listing = driver.client(self._list, f'{name}/list_controllers')
        self._switching = driver.client(self._switch, f'{name}/switch_controller')
        self._hardware = driver.client(self._set_hardware, f'{name}/set_hardware_component_state')

    def states(self) -> dict[str, str]:
        """
        List the controllers that are loaded.

        :returns: state of each: unconfigured, inactive, active or finalized.
        :raises BackendLostError: no answer.
        """
        answer = ask(self._listing, self._list.Request(), _ANSWER_S)
        return {controller.name: controller.state for controller in answer.controller}

    def activate(self, name: str) -> None:
        """
        Start a controller that is loaded.

        :raises BackendLostError: no answer.
        :raises RefusedError: it is not loaded, or cannot be started.
        """
        states = self.states()
        if name not in states:
            raise RefusedError(
                f'controller {name} is not loaded; loaded: {", ".join(states) or "none"}; load it: '
                f'ros2 run controller_manager spawner {name} --inactive'
            )
        if states[name] != 'active':
            self._ask_for(activate=[name])

    def activate_loaded(self, names: Iterable[str]) -> None:
        """Start those of some controllers that are loaded and do not run."""
        states = self.states()
        if idle := [name for name in names if states.get(name) == 'inactive']:
            self._ask_for(activate=idle)

    def deactivate_loaded(self, names: Iterable[str]) -> None:
        """Stop those of some controllers that run."""
        states = self.states()
        if active := [name for name in names if states.get(name) == 'active']:
            self._ask_for(deactivate=active)

    def activate_hardware(self, component: str) -> None:
        """
        Connect the hardware to the robot again.

        :raises BackendLostError: no answer.
        :raises RefusedError: it did not become active.
        """
        target = State(id=State.PRIMARY_STATE_ACTIVE, label='active')
        request = self._set_hardware.Request(name=component, target_state=target)
        answer = ask(self._hardware, request, _HARDWARE_S)
        if not answer.ok:
            raise RefusedError(
                f'hardware component {component} is {answer.state.label or "unknown"}, and does '
                'not become active; see: ros2 control list_hardware_components'
            )

    def _ask_for(self, activate: Iterable[str] = (), deactivate: Iterable[str] = ()) -> None:
        request = self._switch.Request(
            activate_controllers=list(activate),
            deactivate_controllers=list(deactivate),
            strictness=self._switch.Request.STRICT,
            timeout=Duration(sec=_SWITCH_S),
        )
        answer: Any = ask(self._switching, request, _ANSWER_S)
        if not answer.ok:
            verb, names = ('start', activate) if activate else ('stop', deactivate)
            # Humble's answer has no message.
            why = getattr(answer, 'message', '') or 'see the log of the controller manager'
            raise RefusedError(f'cannot {verb} {", ".join(names)}: {why.strip()}')
