# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A Gymnasium vector environment that an environment node serves."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from rclpy.context import Context

from franka_rl_core.envs.base import KEYS, GoalVectorEnv, Observation, Step
from franka_rl_core.exceptions import BackendLostError, RefusedError
from franka_rl_interfaces.msg import Numbers
from franka_rl_interfaces.srv import DescribeEnv, ResetEnv, StepEnv
from franka_rl_nodes.conversions import (
    from_components,
    from_field,
    from_numbers,
    spec_from_msg,
    spec_to_msg,
    to_components,
    to_field,
)
from franka_rl_nodes.direct_client import DirectClient
from franka_rl_nodes.runtime import client_node

# An environment with such a time-out has a real arm, whose resets take seconds [s].
SLOW_S = 20.0


class RosVectorEnv(GoalVectorEnv):
    """
    The client of an environment node; its steps are bit-equal to those of :class:`FrankaVectorEnv`.

    :param env: name of the environment node.
    :param timeout_s: a call that takes longer means that the environment is lost [s].
    :param start_timeout_s: time that the environment may take to start [s].
    :raises BackendLostError: the environment does not answer.
    :raises RefusedError: it defines its observations differently from this software.
    """

    def __init__(
        self,
        env: str = 'env',
        timeout_s: float = 8.0,
        start_timeout_s: float = 60.0,
        context: Context | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._node = client_node('env_client', context)
        describe = DirectClient(self._node, DescribeEnv, f'{env}/describe_env')
        self._reset = DirectClient(self._node, ResetEnv, f'{env}/reset_env')
        self._step = DirectClient(self._node, StepEnv, f'{env}/step_env')
        try:
            spec = describe.first_call(DescribeEnv.Request(), start_timeout_s).spec
            super().__init__(spec_from_msg(spec), AutoresetMode.SAME_STEP)
            self.real_time = spec.real_time
            _check_definitions(spec, spec_to_msg(self.config, self.parts, self.real_time))
            self._step.wait(start_timeout_s)
        except BaseException:
            self._node.destroy_node()
            raise
        self._sequence = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """See :meth:`FrankaVectorEnv.reset`."""
        mask = (options or {}).get('reset_mask', ())
        request = ResetEnv.Request(
            has_seed=seed is not None, seed=seed or 0, mask=to_field(mask, 'uint8')
        )
        # With a seed the call may be repeated: it starts from the same state every time.
        # Not where a reset takes longer than it waits to repeat it.
        repeats = seed is not None and self._timeout_s < SLOW_S
        call = self._reset.first_call if repeats else self._reset.call
        response = call(request, self._timeout_s)
        _raise_error(response)
        self._sequence = response.sequence
        return self._observation(response), {}

    def step(self, actions: NDArray[np.float32]) -> Step:
        """See :meth:`FrankaVectorEnv.step`."""
        actions = self._checked(actions)
        request = StepEnv.Request(sequence=self._sequence, action=to_components(actions, 'float32'))
        response = self._step.call(request, self._timeout_s)
        _raise_error(response)
        self._sequence += 1
        observation = self._observation(response)
        terminated = from_field(response.terminated, 'uint8', -1).astype(bool)
        truncated = from_field(response.truncated, 'uint8', -1).astype(bool)
        reward = _double(response.reward)
        infos = self._infos(response, observation, terminated | truncated)
        return observation, reward, terminated, truncated, infos

    def close_extras(self, **kwargs: Any) -> None:
        """Close the connection; the environment node lives on."""
        self._node.destroy_node()

    def _observation(self, response: Any, prefix: str = '') -> Observation:
        rows = self.single_observation_space
        return {
            key: from_components(getattr(response, prefix + key), 'float32', *rows[key].shape)
            for key in KEYS
        }

    def _infos(
        self, response: StepEnv.Response, observation: Observation, ended: NDArray[np.bool_]
    ) -> dict[str, Any]:
        final = observation
        if ended.any():
            final = {key: value.copy() for key, value in observation.items()}
            for key, rows in self._observation(response, 'final_').items():
                final[key][ended] = rows
        names = self.parts.task.reward_term_names
        terms = _double(response.reward_terms, len(names)).T
        return {
            'is_success': from_field(response.success, 'uint8', -1).astype(bool),
            'distance': _double(response.distance),
            'reward_terms': dict(zip(names, terms, strict=True)),
            'verdict': from_field(response.verdict, 'uint8', -1),
            'reason': from_field(response.reason, 'uint8', -1),
            'final_obs': final,
            '_final_obs': ended,
        }


def _double(message: Numbers, *shape: int) -> NDArray[np.float64]:
    return np.asarray(from_numbers(message, *shape), np.float64)


def _raise_error(response: Any) -> None:
    if response.error:
        raise BackendLostError(f'the environment failed: {response.error}')


def _check_definitions(theirs: Any, ours: Any) -> None:
    if theirs != ours:
        raise RefusedError(f'the environment node describes {theirs}, this software makes {ours}')
