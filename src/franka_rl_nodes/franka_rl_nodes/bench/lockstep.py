# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``ros``: what two hops over ROS cost a step, in lock-step."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from franka_rl_core.bench.environments import UNIT, random_actions
from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.bench.timing import median_seconds, rate, rate_row, rounds
from franka_rl_core.envs.base import GoalVectorEnv
from franka_rl_core.envs.config import useful_workers
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_nodes.bench.processes import START_TIMEOUT_S, ros_environment, running

# Compiling a step takes long on a busy machine [s].
_STEP_TIMEOUT_S = 480.0
_WARM_UP = 60


def measure(options: BenchOptions) -> Iterator[Row]:
    """Measure trainer → environment node → simulator node, in lock-step."""
    kinematic = {'backend': 'kinematic', 'num_envs': 4_096, 'device': options.device}
    yield _speed('kinematic', kinematic, options)
    if not options.quick:
        yield _speed('kinematic-compiled', {**kinematic, 'compile': True}, options)
    yield _speed('pybullet', {'backend': 'pybullet', 'num_envs': 64}, options)
    for num_envs in (1, 64):
        yield _overhead(num_envs, options)


def _speed(name: str, settings: Mapping[str, Any], options: BenchOptions) -> Row:
    seconds, count = (0.5, 2) if options.quick else (2.0, 5)
    with _graph(**settings) as env:
        actions = _prepared(env)
        measured = rounds({'ours': rate(env.step, actions, env.num_envs, seconds)}, count)
    settings = {**settings, 'workers': _workers(settings), 'seconds': seconds}
    return rate_row(f'ros_env_steps/{name}/{env.num_envs}', UNIT, measured, settings)


def _overhead(num_envs: int, options: BenchOptions) -> Row:
    """Measure the graph in turn with the same environment in this process."""
    settings = {'backend': 'pybullet', 'num_envs': num_envs}
    steps, count = (50, 2) if options.quick else (200, 5)
    with _graph(**settings) as env:
        config = dataclasses.replace(env.config, workers=_workers(settings))
        local = FrankaVectorEnv(config)
        try:
            candidates = {'graph': env, 'local': local}
            measured = rounds(
                {
                    name: median_seconds(candidate.step, _prepared(candidate, steps))
                    for name, candidate in candidates.items()
                },
                count,
            )
        finally:
            local.close()
    graph, inside = (1e3 * statistics.median(values) for values in measured.values())
    more = statistics.median(a - b for a, b in zip(*measured.values(), strict=True))
    settings |= {'workers': _workers(settings), 'steps': steps, 'rounds': count}
    settings |= {'two_hops_ms': graph, 'in_process_ms': inside}
    return Row(f'ros_overhead_ms/{num_envs}', 1e3 * more, 'ms', settings=settings)


def _prepared(env: GoalVectorEnv, count: int = 50) -> list[Any]:
    """Reset, step until all is warm, and give actions to measure with."""
    actions = random_actions(env, count)
    env.reset(seed=0)
    for i in range(_WARM_UP):
        env.step(actions[i % count])
    return actions


def _workers(settings: Mapping[str, Any]) -> int:
    return useful_workers(settings['backend'], settings['num_envs'])


@contextlib.contextmanager
def _graph(
    backend: str, num_envs: int, device: str = 'cpu', compile: bool = False
) -> Iterator[GoalVectorEnv]:
    """Run simulator and environment as processes in a ROS domain of their own."""
    import rclpy
    from rclpy.context import Context
    from rclpy.signals import SignalHandlerOptions

    from franka_rl_nodes.ros_vector_env import RosVectorEnv

    environment = ros_environment()
    os.environ.update(environment)
    simulator = {'backend': backend, 'num_worlds': num_envs, 'device': device}
    bridge = {'num_envs': num_envs, 'device': device, 'timeout': _STEP_TIMEOUT_S}
    if compile:
        bridge['compile'] = True
    with contextlib.ExitStack() as stack:
        for name, parameters in {'simulator': simulator, 'env': bridge}.items():
            words = [sys.executable, '-m', f'franka_rl_nodes.{name}_node', '--ros-args']
            for key, value in parameters.items():
                words += ['-p', f'{key}:={str(value).lower() if value is True else value}']
            words += ['--log-level', 'warn']
            stack.enter_context(running(words))
        context = Context()
        rclpy.init(
            context=context,
            domain_id=int(environment['ROS_DOMAIN_ID']),
            signal_handler_options=SignalHandlerOptions.NO,
        )
        stack.callback(context.try_shutdown)
        env = RosVectorEnv(
            timeout_s=_STEP_TIMEOUT_S, start_timeout_s=START_TIMEOUT_S, context=context
        )
        stack.callback(env.close)
        yield env
