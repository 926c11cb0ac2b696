# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Groups ``environments_*``: world steps per second under random actions."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.arrays import NUMPY
from franka_rl_core.bench import peers
from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.bench.timing import rate, rate_row, rounds
from franka_rl_core.envs.base import GoalVectorEnv
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.robot_model import load_robot

UNIT = 'world-steps/s'
CONTROLS = ('ee', 'joints')
KINEMATIC_WORLDS = (1_024, 16_384, 65_536)
GPU_WORLDS = (65_536, 1_048_576)
# Random actions that are used in turn: those of one episode.
_ACTIONS = 50
# Steps before the clock starts: episodes have ended in all worlds, and what is compiled is.
_WARM_UP = 60
# Inverse kinematics per measurement.
_SOLVES = 4


def measure_mock(options: BenchOptions) -> Iterator[Row]:
    """Measure the mock: what the environment itself takes."""
    for control, worlds in itertools.product(CONTROLS, (1, 64)):
        yield _row('mock', control, worlds, options)


def measure_pybullet(options: BenchOptions) -> Iterator[Row]:
    """Measure PyBullet, one world beside panda-gym."""
    for control, worlds in itertools.product(CONTROLS, (1, 8)):
        others = {}
        if options.peers and worlds == 1:
            name = f'{peers.panda_gym_version()}, {control}'
            others[name] = peers.panda_gym_rate(control, options.seconds)
        yield _row('pybullet', control, worlds, options, others)


def measure_ikpy(options: BenchOptions) -> Iterator[Row]:
    """Measure ikpy's chain: its forward kinematics takes one arm after the other."""
    for control, worlds in (('joints', 1), ('joints', 64), ('ee', 1)):
        yield _row('ikpy', control, worlds, options)


def measure_kinematic(options: BenchOptions) -> Iterator[Row]:
    """Measure the batched kinematics, eager and compiled, ``ee`` beside ikpy."""
    device = options.device.split(':')[0]
    name = 'kinematic' if device == 'cpu' else f'kinematic-{device}'
    sizes: tuple[int, ...] = KINEMATIC_WORLDS if device == 'cpu' else GPU_WORLDS
    cases = [(name, False, sizes)]
    if not options.quick:
        cases.append((f'{name}-compiled', True, sizes))
    for (name, compiled, many), control in itertools.product(cases, CONTROLS):
        for worlds in many:
            yield _kinematic_row(name, compiled, control, worlds, options)


def _kinematic_row(
    name: str, compiled: bool, control: str, worlds: int, options: BenchOptions
) -> Row:
    others = {}
    if options.peers and control == 'ee':
        others[peers.IKPY] = peers.ikpy_rate(load_robot('panda'), _SOLVES)
    settings = {'device': options.device, 'compile': compiled}
    return _row('kinematic', control, worlds, options, others, settings, name)


def _row(
    backend: str,
    control: str,
    worlds: int,
    options: BenchOptions,
    others: Mapping[str, Callable[[], float]] | None = None,
    settings: Mapping[str, Any] | None = None,
    name: str = '',
) -> Row:
    """Measure one environment in turn with the others."""
    chosen: dict[str, Any] = {'backend': backend, 'control': control, 'num_envs': worlds}
    chosen |= {'workers': 1, **(settings or {})}
    env = FrankaVectorEnv(**chosen)
    try:
        candidates = {'ours': step_rate(env, options.seconds), **(others or {})}
        measured = rounds(candidates, options.rounds)
    finally:
        env.close()
    settings = {**chosen, 'seconds': options.seconds, 'computed_by': env.worlds.arrays.hardware}
    return rate_row(f'env_steps/{name or backend}/{control}/{worlds}', UNIT, measured, settings)


def step_rate(env: FrankaVectorEnv, seconds: float) -> Callable[[], float]:
    """
    Give a function that measures world steps per second.

    Worlds in PyTorch are measured there, as learners step them.

    :param seconds: duration of a measurement [s].
    """
    worlds, arrays = env.worlds, env.worlds.arrays
    in_numpy = arrays is NUMPY
    step: Callable[[Any], object] = env.step if in_numpy else worlds.step
    actions = [rows if in_numpy else arrays.constant(rows) for rows in random_actions(env)]
    env.reset(seed=0)
    for action in itertools.islice(itertools.cycle(actions), _WARM_UP):
        step(action)
    arrays.synchronize()
    return rate(step, actions, env.num_envs, seconds, arrays.synchronize)


def random_actions(env: GoalVectorEnv, count: int = _ACTIONS) -> list[NDArray[np.float32]]:
    """Draw actions of all worlds."""
    random = np.random.default_rng(0)
    shape = (count, *env.action_space.shape)  # type: ignore[misc]  # a box has one
    return list(random.uniform(-1.0, 1.0, shape).astype(np.float32))
