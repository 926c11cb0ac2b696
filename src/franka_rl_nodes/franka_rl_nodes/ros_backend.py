# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A backend whose worlds are stepped by a simulator node, in lock-step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rclpy.context import Context

from franka_rl_core import registry
from franka_rl_core.arrays import Array, Arrays
from franka_rl_core.backends.base import BATCHED, Backend
from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_core.robot_model import load_robot
from franka_rl_core.state import RobotState
from franka_rl_interfaces.srv import DescribeWorlds, ResetWorlds, StepWorlds
from franka_rl_nodes.conversions import state_from_fields, to_components, to_field, to_numbers
from franka_rl_nodes.direct_client import DirectClient
from franka_rl_nodes.runtime import client_node


class RosBackend(Backend):
    """
    The client of a simulator node's services.

    :param simulator: name of the simulator node.
    :param timeout_s: a call that takes longer means that the simulator is lost [s].
    :param start_timeout_s: time that the simulator may take to start [s].
    :param device: what computes with the states of a backend that uses PyTorch.
    :raises BackendLostError: the simulator does not answer.
    """

    name = 'ros'

    def __init__(
        self,
        simulator: str = 'simulator',
        timeout_s: float = 4.0,
        start_timeout_s: float = 60.0,
        context: Context | None = None,
        device: str = 'cpu',
    ) -> None:
        self._timeout_s = timeout_s
        self._node = client_node('simulator_client', context)
        describe = DirectClient(self._node, DescribeWorlds, f'{simulator}/describe_worlds')
        self._step = DirectClient(self._node, StepWorlds, f'{simulator}/step_worlds')
        self._reset = DirectClient(self._node, ResetWorlds, f'{simulator}/reset_worlds')
        try:
            worlds = describe.first_call(DescribeWorlds.Request(), start_timeout_s)
            for client in (self._step, self._reset):
                client.wait(start_timeout_s)
        except BaseException:
            self._node.destroy_node()
            raise
        super().__init__(load_robot(worlds.robot), worlds.num_worlds, worlds.control_period)
        #: The backend behind the simulator node.
        self.served = worlds.backend
        self.capabilities = frozenset(worlds.capabilities)  # type: ignore[misc]
        served = registry.find('backends', self.served)
        self.resets_exactly = served.resets_exactly
        self.decoding = served.decoding  # type: ignore[method-assign]
        if BATCHED in self.capabilities:
            from franka_rl_core.torch_arrays import TorchArrays

            self.arrays = TorchArrays(device)
        self._sequence = 0
        self._state: RobotState | None = None  # newest
        self._resets: tuple[Any, Any] | tuple[()] = ()  # that the next step takes along
        self._answered = False  # the newest step or reset was

    def reset(
        self, joint_position: Array, worlds: Sequence[int] | Array | None = None
    ) -> RobotState:
        """See :meth:`Backend.reset`."""
        if worlds is not None and not len(worlds) and self._state:
            return self._state  # to the simulator, no worlds are all
        may_wait = self.resets_exactly and self._answered and not self._resets
        if may_wait and worlds is not None and self._state:
            # Where arms that are put back are is known; the next step takes the message along.
            self._resets = self._reset_fields(joint_position, worlds)
            self._state = _put_back(self._state, joint_position, worlds, self.arrays)
            return self._state
        if self._resets and worlds is not None:
            self._reset_now(*self._resets)
        self._resets = ()
        return self._reset_now(*self._reset_fields(joint_position, worlds))

    def step(self, joint_target: Array) -> RobotState:
        """See :meth:`Backend.step`."""
        self._sequence += 1
        target = to_numbers(self.arrays.view(joint_target))
        request = StepWorlds.Request(sequence=self._sequence, joint_target=target)
        if self._resets:
            request.reset_worlds, request.reset_position = self._resets
        # Without an answer, the next reset is sent at once: it brings the numbers together again.
        self._answered = False
        state = self._answer(self._step.call(request, self._timeout_s))
        self._resets = ()
        return state

    def close(self) -> None:
        """See :meth:`Backend.close`."""
        self._node.destroy_node()

    def _reset_fields(
        self, joint_position: Array, worlds: Sequence[int] | Array | None
    ) -> tuple[Any, Any]:
        view = self.arrays.view
        rows = [] if worlds is None else view(worlds)
        return to_field(rows, 'uint32'), to_components(view(joint_position), 'float64')

    def _reset_now(self, worlds: Any, position: Any) -> RobotState:
        request = ResetWorlds.Request(
            worlds=worlds, joint_position=position, sequence=self._sequence
        )
        # Only the first reset may be repeated without a second thought: nothing has been stepped
        # yet.
        call = self._reset.call if self._state else self._reset.first_call
        return self._answer(call(request, self._timeout_s))

    def _answer(self, response: StepWorlds.Response | ResetWorlds.Response) -> RobotState:
        if response.error:
            raise BackendLostError(f'the simulator refused: {response.error}')
        self._answered = True
        state, arrays = state_from_fields(response), self.arrays
        self._state = RobotState(
            arrays.constant(state.joint_position),
            arrays.constant(state.joint_velocity),
            arrays.index(state.stamp_ns),
        )
        return self._state


def _put_back(
    state: RobotState, joint_position: Array, worlds: Sequence[int] | Array, arrays: Arrays
) -> RobotState:
    """Give the state after some arms were put at rest in a posture."""
    rows = arrays.index(worlds)
    return RobotState(
        arrays.replaced(state.joint_position, rows, joint_position),
        arrays.replaced(state.joint_velocity, rows, 0.0),
        state.stamp_ns,
    )


def check_worlds(backend: Backend, robot: str, num_worlds: int, control_period: float) -> None:
    """
    Refuse a simulator that serves something else than was asked for.

    :raises RefusedError: names both sides.
    """
    served = (backend.model.name, backend.num_worlds, backend.control_period_s)
    wanted = (robot, num_worlds, control_period)
    if served != wanted:
        raise RefusedError(
            f'the simulator serves (robot, worlds, period [s]) {served}, wanted is {wanted}'
        )
