# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Other people's software, measured as ours is."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.bench.timing import durations, rate
from franka_rl_core.exceptions import MissingDependencyError
from franka_rl_core.ikpy_chain import IkpyChain
from franka_rl_core.robot_model import RobotModel

# What --peers needs, by import name, and what installs it.
_INSTALL = {'panda_gym': 'pip install -r requirements/peers.txt', 'ikpy': 'make setup'}
IKPY = 'ikpy inverse kinematics per step'
# Length of the steps that ikpy is asked for [m]: that of an action of 1.
DISPLACEMENT_M = 0.05
_EPISODE_STEPS = 50


def check_peers() -> None:
    """
    Refuse to measure what is not installed.

    :raises MissingDependencyError: names the package and how to install it.
    """
    for package, install in _INSTALL.items():
        if find_spec(package) is None:
            raise MissingDependencyError(package, install)


def panda_gym_version() -> str:
    """Give name and version of panda-gym."""
    return f'panda-gym {version("panda-gym")}'


def panda_gym_rate(control: str, seconds: float) -> Callable[[], float]:
    """
    Give a function that measures panda-gym's steps per second, without Gymnasium's wrappers.

    :param seconds: duration of a measurement [s].
    """
    import gymnasium
    import panda_gym  # type: ignore # noqa: F401 - registers the environments

    env: Any = gymnasium.make('PandaReach-v3', control_type=control, reward_type='dense').unwrapped
    env.reset(seed=0)
    env.action_space.seed(0)
    counter = itertools.count(1)

    def step(action: NDArray[np.float32]) -> None:
        terminated = env.step(action)[2]
        if next(counter) % _EPISODE_STEPS == 0 or terminated:
            env.reset()

    return rate(step, [env.action_space.sample() for _ in range(_EPISODE_STEPS)], 1, seconds)


def ikpy_rate(model: RobotModel, solves: int) -> Callable[[], float]:
    """
    Give a function that measures how many steps of 5 cm ikpy solves per second.

    Each asks for the joint positions of a tool position, from the joint positions before it, as
    ``ee`` control does in every world and step.

    :param solves: of a measurement.
    """
    chain, random = IkpyChain(model), np.random.default_rng(0)
    start = model.home[None]
    position = chain.tool_position(start)

    def step(displacement: NDArray[np.float64]) -> None:
        chain.inverse(position + displacement, start)

    directions = random.normal(size=(solves, 3))
    directions *= DISPLACEMENT_M / np.linalg.norm(directions, axis=1, keepdims=True)
    step(directions[0])  # what it does only once

    def measure() -> float:
        return solves / sum(durations(step, list(directions)))

    return measure
