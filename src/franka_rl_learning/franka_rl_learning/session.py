# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""A training in this process, as a person starts and watches it."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import typer

from franka_rl_core.envs.config import EnvConfig
from franka_rl_core.exceptions import FrankaRLError
from franka_rl_core.exit_codes import INTERRUPTED
from franka_rl_core.json_file import write_json
from franka_rl_learning.config import TrainConfig
from franka_rl_learning.run_folder import RunFolder

if TYPE_CHECKING:
    from franka_rl_learning.training import TrainResult


# Between two lines of a log, where no other time is asked for [s].
_PAUSE_S = 5.0


@dataclass(frozen=True)
class Display:
    """How much of a training is shown."""

    show: bool | None  # None for only where standard error is a terminal
    interval: int  # episodes between two reports, 0 for a few of them a second
    lines: bool  # a line for each report instead of one that changes


def run_here(
    environment: EnvConfig, config: TrainConfig, display: Display, json_file: Path | None
) -> None:
    """
    Train in this process, and print what came of it.

    :param json_file: for the numbers; None for none.
    :raises RefusedError: the run may not be started, or its folder cannot be written to.
    :raises typer.Exit: the training was stopped by a signal.
    """
    run = RunFolder(config.out)
    run.check(environment, config)
    print(f'run: {config.out} (to watch: tensorboard --logdir {config.out})', flush=True)
    if config.plot:
        print(f'trend: {run.trend}', flush=True)
    resume = f'to go on: franka-rl train {environment.task} --out {config.out} --resume'
    try:
        result = _train(environment, config, display)
    except FrankaRLError:
        if run.checkpoints.newest():
            print(resume, file=sys.stderr)
        raise
    rate = f'{result.steps_per_second:.0f} steps/s'
    print(f'{result.steps} steps, {result.episodes} episodes, {rate}')
    if result.stopped:
        print(f'stopped; {resume}', file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
    _print_result(result, environment, json_file)


def _train(environment: EnvConfig, config: TrainConfig, display: Display) -> TrainResult:
    # Only now, so that what is refused is refused at once.
    from franka_rl_core.envs.vector import FrankaVectorEnv
    from franka_rl_learning.progress_bar import ProgressBar
    from franka_rl_learning.training import train

    pause = 0.0 if display.interval else _PAUSE_S
    with (
        closing(FrankaVectorEnv(environment)) as env,
        _stop_by_signal() as should_stop,
        ProgressBar(display.show, lines=display.lines, pause=pause) as bar,
    ):
        return train(
            env,
            config,
            on_progress=bar,
            should_stop=should_stop,
            progress_interval=display.interval,
        )


def _print_result(result: TrainResult, environment: EnvConfig, json_file: Path | None) -> None:
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
