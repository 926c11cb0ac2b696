# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Everything that makes an environment, and the way from names to objects."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from franka_rl_core import registry
from franka_rl_core.actions.base import ActionDecoder
from franka_rl_core.arrays import NUMPY, Arrays
from franka_rl_core.backends.base import BATCHED, Backend
from franka_rl_core.backends.parallel import ParallelBackend
from franka_rl_core.exceptions import MissingDependencyError, RefusedError
from franka_rl_core.observation import ObservationTerm
from franka_rl_core.reachability import check_goals
from franka_rl_core.robot_model import RobotModel, available_robots, load_robot
from franka_rl_core.safety.base import SafetyConfig
from franka_rl_core.safety.chain import SafetyChain
from franka_rl_core.settings import build, setting
from franka_rl_core.tasks.base import Task

# More processes than this do not help a step of few worlds.
WORKERS = min(2, os.cpu_count() or 1)


@dataclass(frozen=True)
class EnvConfig:
    """
    An environment, by names and numbers: equal configurations are the same environment.

    What a policy depends on is compared when its bundle is loaded, see :class:`BundleMetadata`.
    """

    robot: str = setting('panda', 'robot', choices=available_robots)
    backend: str = setting('pybullet', 'backend', choices=partial(registry.available, 'backends'))
    task: str = setting('reach', 'task', choices=partial(registry.available, 'tasks'))
    control: str = setting(
        '',
        "kind of control, empty for the task's",
        choices=partial(registry.available, 'actions'),
    )
    reward: str = setting('dense', 'reward of the task')
    num_envs: int = setting(1, 'worlds that are stepped together', low=1)
    workers: int = setting(1, 'processes the worlds are split over', low=1)
    control_period: float = setting(0.04, 'time between two actions', unit='s', low=0.005, high=1.0)
    action_scale: float = setting(
        0.0,
        'displacement of an action of 1; 0 for the default of the control',
        unit='m or rad',
        low=0.0,
    )
    safety: dict[str, Any] = setting({}, 'overrides of SafetyConfig')
    randomization: dict[str, Any] = setting({}, 'overrides of RandomizationConfig')
    backend_options: dict[str, Any] = setting({}, 'options of the backend')
    device: str = setting('cpu', 'what computes: cpu, or a GPU as cuda or cuda:1')
    compile: bool = setting(
        False, 'fuse the arithmetic of a step; the first time that takes minutes'
    )

    def __post_init__(self) -> None:
        """
        Fill in the control of the task, if none is chosen.

        :raises UnknownNameError: there is no such task; the message lists those that are.
        """
        if not self.control:
            control = registry.find('tasks', self.task).default_control
            object.__setattr__(self, 'control', control)

    def to_dict(self) -> dict[str, Any]:
        """Give the configuration as plain data, which ``settings.build`` reads back."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Parts:
    """The objects that a configuration names and that training and deployment share."""

    model: RobotModel
    task: Task
    terms: tuple[ObservationTerm, ...]
    decoder: ActionDecoder
    chain: SafetyChain
    arrays: Arrays


def make_parts(config: EnvConfig, arrays: Arrays = NUMPY) -> Parts:
    """
    Build what training and deployment share.

    :param arrays: where the states live.
    :raises RefusedError: a name or key of the configuration is unknown, and the message lists the
        known ones; or the arm cannot reach a goal of the task.
    """
    model = load_robot(config.robot)
    task = registry.find('tasks', config.task)(config.reward)
    scale = config.action_scale or task.action_scales.get(config.control)
    decoder = registry.find('actions', config.control)(model, scale, arrays)
    limits = safety_config(config)
    chain = SafetyChain(model, config.control_period, limits, arrays=arrays)
    _check_goals(config.task, config.robot, limits)
    return Parts(model, task, task.observation_terms(config.control), decoder, chain, arrays)


@cache
def _check_goals(task: str, robot: str, limits: SafetyConfig) -> None:
    """Refuse a task with a list of goals if the arm cannot reach one of them."""
    cls = registry.find('tasks', task)
    goals = cls(next(iter(cls.rewards))).fixed_goals()
    if goals is not None:
        check_goals(load_robot(robot), limits, goals)


def safety_config(config: EnvConfig) -> SafetyConfig:
    """
    Give the limits of an environment: its own, else its task's, else the defaults.

    :raises RefusedError: a key is unknown, or a value is not allowed.
    """
    task: type[Task] = registry.find('tasks', config.task)
    return build(SafetyConfig, {**task.safety, **config.safety})


def make_backend(config: EnvConfig) -> Backend:
    """
    Build the backend, in this process or split over several.

    :raises RefusedError: a name or option is unknown, or the backend lacks what the task needs.
    """
    cls, options = _chosen(config)
    model = load_robot(config.robot)
    worlds, period = config.num_envs, config.control_period
    if config.workers > 1:
        return ParallelBackend(
            model, config.backend, worlds, period, workers=config.workers, options=options
        )
    backend: Backend = registry.construct(cls, model, worlds, period, options=options)
    return backend


def check_backend(config: EnvConfig) -> None:
    """
    Refuse what :func:`make_backend` would, as far as that can be said without building anything.

    :raises RefusedError: as :func:`make_backend`.
    """
    cls, options = _chosen(config)
    cls.check_period(config.control_period)
    cls.check_worlds(config.num_envs, options)


def _chosen(config: EnvConfig) -> tuple[type[Backend], dict[str, Any]]:
    """Give the backend's class, which has what the task needs, and its options."""
    cls = registry.find('backends', config.backend)
    check_capabilities(config, cls.capabilities)
    return cls, _options(config, cls)


def _options(config: EnvConfig, cls: type[Backend]) -> dict[str, Any]:
    """Add what the environment's own fields say to the backend's options."""
    if BATCHED in cls.capabilities:
        if config.workers > 1:
            raise RefusedError(f'backend {config.backend!r} takes one process, workers = 1')
        return {'device': config.device, **config.backend_options}
    if config.device != 'cpu' or config.compile:
        raise RefusedError(
            f'backend {config.backend!r} takes device cpu and no compile; '
            f'others are for {_having(frozenset({BATCHED}))}'
        )
    return config.backend_options


def _having(capabilities: frozenset[str]) -> str:
    """List the backends that have these capabilities."""
    having = []
    for name in registry.available('backends'):
        with contextlib.suppress(MissingDependencyError):
            if capabilities <= registry.find('backends', name).capabilities:
                having.append(name)
    return ', '.join(having) or 'no backend'


def useful_workers(backend: str, num_worlds: int) -> int:
    """Give the number of processes that help a backend: physics has use for two cores or more."""
    if 'physics' not in registry.find('backends', backend).capabilities:
        return 1
    return min(WORKERS, num_worlds)


def longest_episode(config: EnvConfig) -> int:
    """Give the most steps that an episode can take."""
    return int(registry.find('tasks', config.task).max_episode_steps)


def check_capabilities(config: EnvConfig, capabilities: frozenset[str]) -> None:
    """
    Refuse a backend that lacks what the task needs.

    :raises RefusedError: names the lacking capabilities.
    """
    needs: frozenset[str] = registry.find('tasks', config.task).needs
    if lacking := needs - capabilities:
        raise RefusedError(
            f'task {config.task!r} needs {sorted(lacking)}, which backend {config.backend!r} lacks'
            f'; these have it: {_having(needs)}'
        )
