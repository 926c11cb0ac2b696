# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl random``."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from franka_rl_core.cli.options import JsonFile, option
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.json_file import write_json


def command(
    task: Annotated[str, typer.Argument(help='Task.')] = EnvConfig.task,
    robot: Annotated[str, option(EnvConfig, 'robot')] = EnvConfig.robot,
    backend: Annotated[str, option(EnvConfig, 'backend')] = EnvConfig.backend,
    control: Annotated[str, option(EnvConfig, 'control')] = EnvConfig.control,
    reward: Annotated[str, option(EnvConfig, 'reward')] = EnvConfig.reward,
    num_envs: Annotated[int, option(EnvConfig, 'num_envs')] = EnvConfig.num_envs,
    workers: Annotated[int, option(EnvConfig, 'workers')] = EnvConfig.workers,
    episodes: Annotated[int, typer.Option(min=1, help='Episodes to run.')] = 10,
    seed: Annotated[int, typer.Option(min=0, help='Seed of goals and actions.')] = 0,
    json_file: JsonFile = None,
) -> None:
    """Run a random agent: shows that environment and simulator work on this machine."""
    from franka_rl_core.envs.vector import FrankaVectorEnv
    from franka_rl_core.evaluation import evaluate

    env = FrankaVectorEnv(
        task=task,
        robot=robot,
        backend=backend,
        control=control,
        reward=reward,
        num_envs=num_envs,
        workers=workers,
    )
    env.action_space.seed(seed)
    steps = 0

    def act(_: object) -> object:
        nonlocal steps
        steps += env.num_envs
        return env.action_space.sample()

    spaces = f'observation: {env.single_observation_space}\naction: {env.single_action_space}'
    print(spaces, flush=True)
    start = time.perf_counter()
    try:
        report = evaluate(env, act, episodes, seed)  # type: ignore[arg-type]
    finally:
        env.close()
    rate = steps / (time.perf_counter() - start)
    result = report.to_dict() | {'seed': seed, 'backend': backend, 'steps_per_second': round(rate)}
    write_json(json_file, result)
    print(f'{steps} steps, {rate:.0f} steps/s')
    print(report.summary())
