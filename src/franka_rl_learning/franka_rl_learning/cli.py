# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl train``."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from franka_rl_core import registry
from franka_rl_core.cli.options import JsonFile, option, pairs
from franka_rl_core.envs.config import WORKERS, EnvConfig, useful_workers
from franka_rl_core.settings import from_strings, read_yaml
from franka_rl_core.share import config_file
from franka_rl_learning.algorithms.table import find_algorithm
from franka_rl_learning.config import TrainConfig, configure, merge, with_folder
from franka_rl_learning.run_folder import RunFolder
from franka_rl_learning.session import Display, run_here
from franka_rl_learning.suited import suited_algorithm

# Options that are no settings of a run.
_NO_SETTINGS = {
    *('config', 'overrides', 'json_file'),
    *('progress', 'info', 'info_interval', 'clear_output'),
}


def command(
    context: typer.Context,
    task: Annotated[str, typer.Argument(help='Task: ' + ', '.join(registry.available('tasks')))],
    robot: Annotated[str, option(EnvConfig, 'robot')] = EnvConfig.robot,
    backend: Annotated[str, option(EnvConfig, 'backend')] = EnvConfig.backend,
    control: Annotated[str, option(EnvConfig, 'control')] = EnvConfig.control,
    reward: Annotated[str, option(EnvConfig, 'reward')] = EnvConfig.reward,
    algorithm: Annotated[str, option(TrainConfig, 'algorithm', '--algo')] = TrainConfig.algorithm,
    steps: Annotated[int, option(TrainConfig, 'steps')] = TrainConfig.steps,
    num_envs: Annotated[
        int | None,
        typer.Option(
            help="Worlds that are stepped together; by default the algorithm's [1 to any]"
        ),
    ] = None,
    workers: Annotated[int, option(EnvConfig, 'workers')] = WORKERS,
    device: Annotated[str, option(EnvConfig, 'device')] = EnvConfig.device,
    episodes: Annotated[
        int | None,
        typer.Option(
            '--episodes',
            '--num_epoch',
            min=1,
            help='Stop after so many episodes of all worlds, instead of after so many steps.',
        ),
    ] = None,
    seed: Annotated[int, option(TrainConfig, 'seed')] = TrainConfig.seed,
    out: Annotated[str | None, option(TrainConfig, 'out')] = None,
    resume: Annotated[bool, option(TrainConfig, 'resume', '--resume')] = False,
    config: Annotated[
        str | None,
        typer.Option(
            metavar='FILE',
            help='YAML file of settings, or the name of one in config/algorithms. '
            'Options on the command line have precedence.',
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            '--set',
            metavar='KEY=VALUE',
            help='Any setting of environment, run or algorithm, as often as needed: '
            'learning_rate=1e-4, safety.velocity_fraction=0.3. '
            'An unknown key is answered with all of them.',
        ),
    ] = None,
    evaluation_episodes: Annotated[
        int, option(TrainConfig, 'evaluation_episodes', '--evaluate')
    ] = TrainConfig.evaluation_episodes,
    checkpoint_episodes: Annotated[
        int | None,
        typer.Option(
            '--checkpoint-episodes',
            '--save_models_T',
            min=1,
            help='Episodes between two checkpoints, instead of steps.',
        ),
    ] = None,
    plot: Annotated[
        int,
        typer.Option(min=0, max=1, help='1: draw scores_trend.png in the folder of the run.'),
    ] = int(TrainConfig.plot),
    plot_interval: Annotated[
        int,
        typer.Option(
            '--plot-interval',
            '--plot_T',
            min=1,
            help='Episodes after which it is drawn again and the training record is saved, '
            'unless that would cost more than 2 % of the time.',
        ),
    ] = TrainConfig.plot_interval,
    progress: Annotated[
        bool | None,
        typer.Option(help='Progress bar on standard error; by default if that is a terminal.'),
    ] = None,
    info: Annotated[
        int | None, typer.Option(min=0, max=1, help='1 is --progress, 0 is --no-progress.')
    ] = None,
    info_interval: Annotated[
        int | None,
        typer.Option(
            '--info-interval',
            '--info_T',
            min=1,
            help='Episodes between two updates of the progress; by default by time.',
        ),
    ] = None,
    clear_output: Annotated[
        int,
        typer.Option(
            '--clear-output',
            '--clear_output',
            min=0,
            max=1,
            help='Progress as 1: one line that changes, 0: a log with a line for each update.',
        ),
    ] = 1,
    json_file: JsonFile = None,
) -> None:
    """
    Train a policy and export it as a policy bundle.

    In the folder of the run are run.yaml (all settings and versions),
    scores_trend.png, training_record.npy, checkpoints/, tensorboard/ and
    policy/, the bundle.

    The last lines are the path of the bundle and its success rate with the
    95 % confidence interval.

    After Ctrl-C or a fault, --resume goes on from the newest checkpoint, with
    the settings of the run.
    """
    environment, run = _configure(_given(context), config, overrides or ())
    show = progress if info is None else bool(info)
    run_here(environment, run, Display(show, info_interval or 0, not clear_output), json_file)


def _given(context: typer.Context) -> dict[str, Any]:
    """Give the settings that are on the command line, without those that have their default."""
    source = context.get_parameter_source
    given = {
        name: value
        for name, value in context.params.items()
        if name not in _NO_SETTINGS and getattr(source(name), 'name', '') == 'COMMANDLINE'
    }
    return given | {'plot': bool(given['plot'])} if 'plot' in given else given


def _configure(
    options: dict[str, Any], file: str | None, overrides: Sequence[str]
) -> tuple[EnvConfig, TrainConfig]:
    """Bring all settings together; those of a run to resume count least, options most."""
    settings = _read(file) if file else {}
    texts = pairs(overrides)
    algorithm = options.get('algorithm') or texts.get('algorithm') or settings.get('algorithm')
    stored: dict[str, Any] = {}
    if options.get('resume') and 'out' in options:
        stored = RunFolder(options['out']).settings()
        if algorithm not in (None, stored['algorithm']):
            del stored['algorithm_options']  # those of another algorithm
    backend = options.get('backend') or texts.get('backend') or settings.get('backend')
    backend = backend or stored.get('backend') or EnvConfig.backend
    task = options.get('task') or stored.get('task') or EnvConfig.task
    algorithm = algorithm or stored.get('algorithm') or suited_algorithm(task, backend)
    chosen = find_algorithm(algorithm, backend)
    for key, text in texts.items():
        merge(settings, key, _value(key, text, chosen.config))
    given = {**settings, **options}
    if {'steps', 'episodes'} & given.keys():  # another end, whichever the run had
        stored = {key: stored[key] for key in stored.keys() - {'steps', 'episodes'}}
    environment, run = configure({**stored, **given})
    if 'workers' not in given:
        workers = useful_workers(environment.backend, environment.num_envs)
        environment = dataclasses.replace(environment, workers=workers)
    return environment, with_folder(run, environment.task)


def _read(file: str) -> dict[str, Any]:
    path = Path(file)
    return read_yaml(path if path.is_file() else config_file('algorithms', f'{file}.yaml'))


def _value(key: str, text: str, algorithm: type[Any]) -> Any:
    for cls in (EnvConfig, TrainConfig, algorithm):
        if key in {field.name for field in dataclasses.fields(cls)}:
            return from_strings(cls, {key: text})[key]
    return from_strings(EnvConfig, {key: text})[key]  # an entry of a mapping, or unknown
