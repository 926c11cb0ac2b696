# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl evaluate``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from franka_rl_core.cli.options import JsonFile, option, pairs
from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.json_file import write_json
from franka_rl_core.settings import parse_yaml

# Worlds that are stepped together if the user does not say.
NUM_ENVS = 8


def command(
    bundle: Annotated[Path, typer.Argument(help='Folder of the policy bundle.')],
    backend: Annotated[str, option(EnvConfig, 'backend')] = EnvConfig.backend,
    robot: Annotated[
        str, typer.Option(help='Robot it shall drive; another than it was trained for is refused.')
    ] = 'the bundle’s',
    episodes: Annotated[int, typer.Option(min=1, help='Episodes to run.')] = 100,
    seed: Annotated[int, typer.Option(min=0, help='Seed of the goals.')] = 1,
    num_envs: Annotated[
        int, typer.Option(min=1, help='Worlds that are stepped together, at most one per episode.')
    ] = NUM_ENVS,
    workers: Annotated[int, option(EnvConfig, 'workers')] = EnvConfig.workers,
    device: Annotated[str, option(EnvConfig, 'device')] = EnvConfig.device,
    backend_option: Annotated[
        list[str] | None, typer.Option(help='Option of the backend, as name=value; repeatable.')
    ] = None,
    video: Annotated[
        Path | None,
        typer.Option(
            help='Write a .gif or .mp4 of the first episodes of the first world: goal, path of the '
            'tool, distance; as many as fit into 300 pictures. Short episodes are slowed down; in '
            'long ones, as of touch_*, every third control period has a picture.'
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Run a policy bundle and print its success rate with the 95 % confidence interval."""
    from franka_rl_core.envs.vector import FrankaVectorEnv
    from franka_rl_core.evaluation import as_it_is, evaluate
    from franka_rl_core.pictures.files import VIDEOS, check_file
    from franka_rl_core.policies.bundle import PolicyBundle
    from franka_rl_core.recording import Recorder

    if video:
        check_file(video, VIDEOS)
    policy = PolicyBundle(bundle)
    trained = policy.metadata.config
    config = as_it_is(
        trained,
        backend=backend,
        robot=trained.robot if robot == 'the bundle’s' else robot,
        num_envs=min(num_envs, episodes),
        workers=workers,
        device=device,
        backend_options={key: parse_yaml(v, key) for key, v in pairs(backend_option or []).items()},
    )
    policy.check(config)
    env = FrankaVectorEnv(config, autoreset=video is None)
    with Recorder(env, video) if video else closing(env) as filmed:
        report = evaluate(filmed, policy.act, episodes, seed)
    result = report.to_dict() | {'seed': seed, 'backend': backend, 'bundle': str(bundle)}
    write_json(json_file, result)
    print(report.summary())
