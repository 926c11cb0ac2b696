# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl show-ik``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from franka_rl_core.cli.options import JsonFile, option, pairs
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.json_file import write_json
from franka_rl_core.robot_model import load_robot
from franka_rl_core.settings import parse_yaml

if TYPE_CHECKING:
    from franka_rl_core.pictures.solutions import Solution
    from franka_rl_core.tasks.base import Task

# Goals that are drawn of a task that has no list of them.
_GOALS = 9


def command(
    out: Annotated[Path, typer.Option(help='Draw the postures into this .png, .svg or .pdf.')],
    task: Annotated[str, option(EnvConfig, 'task')] = 'touch_plane',
    backend: Annotated[str, option(EnvConfig, 'backend')] = 'ikpy',
    robot: Annotated[str, option(EnvConfig, 'robot')] = EnvConfig.robot,
    seed: Annotated[
        int, typer.Option(min=0, help=f'Seed of the {_GOALS} goals of a task with random goals.')
    ] = 0,
    backend_option: Annotated[
        list[str] | None, typer.Option(help='Option of the backend, as name=value; repeatable.')
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Draw a task's goals, and the posture that a backend's inverse kinematics finds for each."""
    from franka_rl_core.pictures.files import PICTURES, check_file
    from franka_rl_core.pictures.solutions import draw_solutions

    check_file(out, PICTURES)
    options = {key: parse_yaml(v, key) for key, v in pairs(backend_option or []).items()}
    config = EnvConfig(task=task, backend=backend, robot=robot, backend_options=options)
    solutions = solve(config, seed)
    title = f'{config.task}: inverse kinematics of {config.backend}, robot {config.robot}'
    draw_solutions(out, load_robot(robot), solutions, title)
    result = {'task': task, 'backend': backend, 'robot': robot, 'seed': seed}
    write_json(json_file, result | {'solutions': [_plain(item) for item in solutions]})
    print(table(solutions))


def solve(config: EnvConfig, seed: int) -> list[Solution]:
    """
    Find a posture for each goal of a task.

    :param seed: of random goals.
    :raises RefusedError: the configuration names something unknown.
    """
    from franka_rl_core.envs.config import make_backend, make_parts
    from franka_rl_core.pictures.solutions import Solution

    parts = make_parts(config)
    goals = goals_of(parts.task, seed)
    start = np.tile(parts.task.start_joint_position(parts.model), (len(goals), 1))
    with closing(make_backend(config)) as backend:
        found = np.asarray(backend.inverse_kinematics(goals, start), np.float64)
    errors = 1e3 * np.linalg.norm(parts.model.tool_position(found) - goals, axis=1)
    return [Solution(*row) for row in zip(goals, found, errors.tolist(), strict=True)]


def goals_of(task: Task, seed: int) -> NDArray[np.float64]:
    """Give the places (K, 3) where a task wants the tool [m]: all, or some at random."""
    from franka_rl_core.envs.goals import GoalSampler

    goals = task.fixed_goals()
    if goals is None:
        sampler = GoalSampler(task, _GOALS)
        sampler.seed(seed)
        sampler.draw(np.arange(_GOALS))
        goals = sampler.goal
    return np.asarray(goals, np.float64)[:, :3]


def table(solutions: Sequence[Solution]) -> str:
    """Give goal, error and joint positions, a line for each solution."""
    lines = [f'{"goal [m]":24}{"error [mm]":>10}   joint positions [rad]']
    for item in solutions:
        joints = ' '.join(f'{angle:7.3f}' for angle in item.joint_position)
        line = f'{item.place.removesuffix(" m"):24}{item.error_mm:10.4f}   {joints}'
        lines.append(line if item.is_reached else f'{line}   not reached')
    return '\n'.join(lines)


def _plain(item: Solution) -> dict[str, Any]:
    return {
        'goal': item.goal.tolist(),
        'joint_position': item.joint_position.tolist(),
        'error_mm': item.error_mm,
        'is_reached': item.is_reached,
    }
