# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Group ``environments_workers``: what a second process brings on PyBullet."""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection

from franka_rl_core.bench.environments import CONTROLS, UNIT, step_rate
from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.bench.timing import rate_row, rounds
from franka_rl_core.envs.vector import FrankaVectorEnv
from franka_rl_core.exceptions import FrankaRLError

_ONE, _EIGHT = 'one world', 'eight worlds in one process'
# Two processes need both cores, of which a shared machine often takes one away for a second: more
# rounds than elsewhere.
_MORE = 3
_PROGRAMS, _WORKERS = 'pybullet-two-programs', 'pybullet-two-workers'
# Worlds and workers of the environments that are compared.
_SHAPES = {_ONE: (1, 1), _EIGHT: (8, 1), f'{_WORKERS}/2': (2, 2), f'{_WORKERS}/8': (8, 2)}
# Kind, worlds in all, what else there is to know, and what it is compared with.
_ROWS: tuple[tuple[str, int, dict[str, int], str], ...] = (
    (_PROGRAMS, 2, {'programs': 2, 'num_envs': 1, 'workers': 1}, _ONE),
    (_WORKERS, 2, {'num_envs': 2, 'workers': 2}, _ONE),
    (_WORKERS, 8, {'num_envs': 8, 'workers': 2}, _EIGHT),
)


def measure(options: BenchOptions) -> Iterator[Row]:
    """Measure two programs and two workers, beside the same worlds in one process."""
    for control in CONTROLS:
        with ExitStack() as stack:
            candidates = _candidates(control, options.seconds, stack)
            measured = rounds(candidates, _MORE * options.rounds)
        common = {'backend': 'pybullet', 'control': control, 'seconds': options.seconds}
        for kind, worlds, more, peer in _ROWS:
            pair = {name: measured[name] for name in (f'{kind}/{worlds}', peer)}
            yield rate_row(f'env_steps/{kind}/{control}/{worlds}', UNIT, pair, common | more)


def _candidates(control: str, seconds: float, stack: ExitStack) -> dict[str, Callable[[], float]]:
    """Start everything that is measured; the stack ends it."""
    candidates: dict[str, Callable[[], float]] = {}
    for name, (worlds, workers) in _SHAPES.items():
        env = FrankaVectorEnv(control=control, num_envs=worlds, workers=workers)
        stack.enter_context(contextlib.closing(env))
        candidates[name] = step_rate(env, seconds)
    programs = [
        stack.enter_context(contextlib.closing(_Program(control, seconds))) for _ in range(2)
    ]
    candidates[f'{_PROGRAMS}/2'] = lambda: _together(programs)
    for program in programs:
        program.receive()  # it is warm
    return candidates


def _together(programs: list[_Program]) -> float:
    """Measure the world steps per second of programs that do not wait for each other."""
    for program in programs:
        program.start()
    return sum(program.receive() for program in programs)


class _Program:
    """A program with one world, which measures itself whenever it is told to."""

    def __init__(self, control: str, seconds: float) -> None:
        # Not fork: this process may hold threads of torch or DDS.
        context = multiprocessing.get_context('spawn')
        self._pipe, theirs = context.Pipe()
        arguments = (theirs, control, seconds)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()  # so that the pipe ends with the program

    def start(self) -> None:
        """Begin a measurement."""
        with _death_noticed():
            self._pipe.send('measure')

    def receive(self) -> float:
        """Wait for the end of the measurement, or, at first, until all is warm."""
        with _death_noticed():
            value: float = self._pipe.recv()
        return value

    def close(self) -> None:
        """End the program: its pipe ends."""
        self._pipe.close()
        self._process.join(timeout=2.0)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(timeout=2.0)


@contextlib.contextmanager
def _death_noticed() -> Iterator[None]:
    try:
        yield
    except (EOFError, OSError) as error:
        raise FrankaRLError('a program that was measured has died') from error


def _serve(pipe: Connection, control: str, seconds: float) -> None:
    # Ctrl-C reaches the whole process group; the parent decides when a program ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.closing(FrankaVectorEnv(control=control)) as env:
        measure = step_rate(env, seconds)
        with contextlib.suppress(EOFError, BrokenPipeError):
            pipe.send(0.0)
            while pipe.recv():
                pipe.send(measure())
