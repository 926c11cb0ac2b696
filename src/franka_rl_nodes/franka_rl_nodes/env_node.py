# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The Gymnasium bridge: one vector environment as services."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from rclpy.node import Node

from franka_rl_core.arrays import Arrays
from franka_rl_core.backends.base import ROBOT
from franka_rl_core.envs.base import KEYS, Observation
from franka_rl_core.envs.config import EnvConfig, check_capabilities, make_parts
from franka_rl_core.envs.stages import Outcome
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import FrankaRLError, RefusedError
from franka_rl_core.robot_model import load_robot
from franka_rl_core.settings import setting
from franka_rl_interfaces.srv import DescribeEnv, ResetEnv, StepEnv
from franka_rl_nodes.conversions import (
    from_components,
    from_field,
    spec_to_msg,
    to_components,
    to_field,
    to_numbers,
)
from franka_rl_nodes.diagnostics import ERROR, OK, Diagnostics, Report
from franka_rl_nodes.direct_service import DirectService
from franka_rl_nodes.episode_goals import make_goals, parse_goal
from franka_rl_nodes.guard_backend import GuardBackend
from franka_rl_nodes.guard_client import arms_itself, check_arm
from franka_rl_nodes.parameters import declare
from franka_rl_nodes.ros_backend import RosBackend, check_worlds
from franka_rl_nodes.runtime import leave, serve


@dataclass(frozen=True)
class EnvNodeConfig(EnvConfig):
    """Parameters of the environment node: those of the environment, and where its worlds are."""

    backend: str = setting(
        'ros',
        'ros for the worlds of the simulator node, guard for the arm behind the guard (in real '
        'time), else a backend in this process',
    )
    goal: str = setting('random', 'random (of the task), x,y,z [m], or topic (backend guard)')
    arm: str = setting(
        'auto', 'arm the guard: true, false (an operator does), auto: only a simulated arm'
    )
    driver: str = setting('none', 'what drives the arm; none and fci are simulated (backend guard)')
    simulator: str = setting('simulator', 'name of the simulator node (backend ros)')
    timeout: float = setting(
        4.0, 'a step that takes longer means that the simulator is lost', unit='s', low=0.1
    )

    def check(self) -> None:
        """
        Check what can be checked before anything is started.

        :raises RefusedError: it names something unknown.
        """
        parse_goal(self.goal, make_parts(self))
        check_arm(self.arm)


CONFIG = EnvNodeConfig


class EnvNode(Node):
    """Serve ``~/describe_env``, ``~/reset_env`` and ``~/step_env``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__('env', **kwargs)
        self._env = _make_env(declare(self, EnvNodeConfig), kwargs.get('context'))
        self._sequence = 0
        self._problem = ''
        self.create_service(DescribeEnv, '~/describe_env', self._on_describe)
        self.create_service(ResetEnv, '~/reset_env', self._on_reset)
        self._lock = threading.Lock()  # of the environment
        self._service = DirectService(
            self, StepEnv, '~/step_env', self._on_step, self._lock, self._settle
        )
        self._diagnostics = Diagnostics(self, self._report)

    def destroy_node(self) -> None:
        """Close the environment too."""
        self._service.close()
        self._env.close()
        super().destroy_node()

    def _on_describe(
        self, request: DescribeEnv.Request, response: DescribeEnv.Response
    ) -> DescribeEnv.Response:
        response.spec = spec_to_msg(self._env.config, self._env.parts, self._env.real_time)
        return response

    def _on_reset(
        self, request: ResetEnv.Request, response: ResetEnv.Response
    ) -> ResetEnv.Response:
        mask = from_field(request.mask, 'uint8', -1).astype(bool)
        if len(mask) not in (0, self._env.num_envs):
            response.error = f'mask must hold {self._env.num_envs} values, not {len(mask)}'
            return response
        if request.has_seed and request.seed < 0:
            response.error = f'seed must be 0 or more, not {request.seed}'
            return response
        options = {'reset_mask': mask} if len(mask) else None
        seed = request.seed if request.has_seed else None
        with self._lock:
            try:
                observation, _ = self._env.reset(seed=seed, options=options)
            except FrankaRLError as error:
                response.error = self._failed(error)
                return response
            self._sequence += 1
            response.sequence = self._sequence
        _write(observation, response)
        return response

    def _on_step(self, request: StepEnv.Request, response: StepEnv.Response) -> StepEnv.Response:
        worlds, shape = self._env.worlds, self._env.action_space.shape
        if not self._sequence:
            response.error = 'the environment was never reset'
            return response
        if request.sequence != self._sequence:
            response.error = f'step {request.sequence} is out of order, {self._sequence} comes next'
            return response
        if len(request.action) != np.prod(shape):
            response.error = f'action must hold {shape} values, not {len(request.action)}'
            return response
        try:
            actions = worlds.arrays.constant(from_components(request.action, 'float32', *shape[1:]))
            outcome = worlds.advance(actions)
        except FrankaRLError as error:
            response.error = self._failed(error)
            return response
        self._sequence += 1
        _write_step(outcome, worlds.arrays, response)
        return response

    def _settle(self) -> None:
        """Do what the next step would begin with, while the trainer is at work."""
        with contextlib.suppress(FrankaRLError):  # it is done again there, which tells of it
            self._env.worlds.settle()

    def _failed(self, error: FrankaRLError) -> str:
        self._problem = str(error)
        if self.context.ok():
            self.get_logger().error(self._problem)
        return self._problem

    def _report(self) -> Report:
        values = {'sequence': self._sequence, 'num_envs': self._env.num_envs}
        if isinstance(self._env.backend, GuardBackend):
            backend = self._env.backend
            values |= {'overruns': backend.overruns, 'interruptions': backend.interruptions}
        return (ERROR, self._problem, values) if self._problem else (OK, 'serving', values)


def _make_env(config: EnvNodeConfig, context: Any) -> FrankaVectorEnv:
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(EnvConfig)}
    if config.backend == ROBOT:
        return _make_real_env(config, EnvConfig(**fields), context)
    if config.backend != 'ros':
        return FrankaVectorEnv(EnvConfig(**fields))
    backend = RosBackend(config.simulator, config.timeout, context=context, device=config.device)
    try:
        # The environment is called by what really moves the worlds.
        env_config = EnvConfig(**(fields | {'backend': backend.served}))
        check_worlds(backend, config.robot, config.num_envs, config.control_period)
        check_capabilities(env_config, backend.capabilities)
        return FrankaVectorEnv(env_config, backend=backend)
    except BaseException:
        backend.close()
        raise


def _make_real_env(config: EnvNodeConfig, env_config: EnvConfig, context: Any) -> FrankaVectorEnv:
    if config.num_envs != 1:
        raise RefusedError(f'backend guard has one arm, not num_envs = {config.num_envs}')
    model, period = load_robot(config.robot), config.control_period
    arms = arms_itself(config.arm, config.driver)
    backend = GuardBackend(model, period, arms, config.timeout, context)
    try:
        env = FrankaVectorEnv(env_config, backend=backend)
        if config.goal != 'random':
            node, parts = backend.ros.node, env.parts
            env.goals.source = make_goals(config.goal, node, parts, 0)
        return env
    except BaseException:
        backend.close()
        raise


def _write(observation: Observation, response: Any, prefix: str = '') -> None:
    for key in KEYS:
        setattr(response, prefix + key, to_components(observation[key], 'float32'))


def _write_step(outcome: Outcome, arrays: Arrays, response: StepEnv.Response) -> None:
    view = arrays.view
    seen = {key: view(outcome.observation[key]) for key in KEYS}
    ended = view(outcome.ended)
    final = {key: view(outcome.final_observation[key])[ended] for key in KEYS}
    _write(seen, response)
    _write(final, response, 'final_')
    for name in ('terminated', 'truncated', 'verdict', 'reason'):
        setattr(response, name, to_field(view(getattr(outcome, name)), 'uint8'))
    response.success = response.terminated
    response.reward = to_numbers(view(outcome.reward))
    response.distance = to_numbers(view(outcome.distance))
    response.reward_terms = to_numbers(np.stack([*map(view, outcome.reward_terms.values())]).T)


def main() -> None:
    """Run the node."""
    leave(serve(EnvNode))


if __name__ == '__main__':
    main()
