# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl train``."""

from __future__ import annotations

import dataclasses
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from franka_rl_core import registry
from franka_rl_core.cli.options import JsonFile, option, pairs
from franka_rl_core.envs.config import WORKERS, EnvConfig, useful_workers
from franka_rl_core.exceptions import FrankaRLError
from franka_rl_core.exit_codes import INTERRUPTED
from franka_rl_core.json_file import write_json
from franka_rl_core.settings import from_strings, read_yaml
from franka_rl_core.share import config_file
from franka_rl_learning.algorithms.table import find_algorithm
from franka_rl_learning.config import TrainConfig, configure, merge, with_folder
from franka_rl_learning.run_folder import RunFolder


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
    progress: Annotated[
        bool | None,
        typer.Option(help='Progress bar on standard error; by default if that is a terminal.'),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """
    Train a policy and export it as a policy bundle.

    In the folder of the run are run.yaml (all settings and versions),
    checkpoints/, tensorboard/ and policy/, the bundle.

    The last lines are the path of the bundle and its success rate with the
    95 % confidence interval.

    After Ctrl-C or a fault, --resume goes on from the newest checkpoint, with
    the settings of the run.
    """
    environment, run = _configure(_given(context), config, overrides or ())
    _run(environment, run, progress, json_file)


def _given(context: typer.Context) -> dict[str, Any]:
    """Give the settings that are on the command line, without those that have their default."""
    others = ('config', 'overrides', 'progress', 'json_file')
    source = context.get_parameter_source
    return {
        name: value
        for name, value in context.params.items()
        if name not in others and getattr(source(name), 'name', '') == 'COMMANDLINE'
    }


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
    chosen = find_algorithm(
        algorithm or stored.get('algorithm') or TrainConfig.algorithm,
        backend or stored.get('backend') or EnvConfig.backend,
    )
    for key, text in texts.items():
        merge(settings, key, _value(key, text, chosen.config))
    environment, run = configure({**stored, **settings, **options})
    if 'workers' not in {**settings, **options}:
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


def _run(
    environment: EnvConfig, config: TrainConfig, progress: bool | None, json_file: Path | None
) -> None:
    """Train in this process, and print what came of it."""
    run = RunFolder(config.out)
    run.check(environment, config)
    from franka_rl_core.envs.vector import FrankaVectorEnv
    from franka_rl_learning.progress import ProgressBar
    from franka_rl_learning.training import train

    resume = f'to go on: franka-rl train {environment.task} --out {config.out} --resume'
    env = FrankaVectorEnv(environment)
    try:
        print(f'run: {config.out} (to watch: tensorboard --logdir {config.out})', flush=True)
        with _stop_by_signal() as should_stop, ProgressBar(progress) as bar:
            result = train(env, config, on_progress=bar, should_stop=should_stop)
    except FrankaRLError:
        if run.checkpoints.newest():
            print(resume, file=sys.stderr)
        raise
    finally:
        env.close()
    print(f'{result.steps} steps, {result.steps_per_second:.0f} steps/s')
    if result.stopped:
        print(f'stopped; {resume}', file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    report = result.evaluation
    numbers = report.to_dict() if report else {}
    numbers |= {'seed': result.evaluation_seed, 'backend': environment.backend}
    numbers |= {'bundle': str(result.bundle), 'steps': result.steps}
    numbers |= {'seconds': result.seconds, 'steps_per_second': result.steps_per_second}
    write_json(json_file, numbers)
    print(f'bundle: {result.bundle}')
    if report:
        print(report.summary())


@contextmanager
def _stop_by_signal() -> Iterator[Callable[[], bool]]:
    """Turn the first Ctrl-C or SIGTERM into a request to stop; the second one interrupts."""
    requested = threading.Event()

    def request(number: int, frame: FrameType | None) -> None:
        if requested.is_set():
            raise KeyboardInterrupt
        requested.set()

    saved = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield requested.is_set
    finally:
        for number, handler in saved.items():
            signal.signal(number, handler)
