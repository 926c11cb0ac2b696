# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Collects the commands of all installed packages of the suite and turns errors into exit codes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points

import typer

from franka_rl_core.exceptions import FrankaRLError, MissingDependencyError, RefusedError
from franka_rl_core.exit_codes import DONE, FAILED, REFUSED

#: Entry-point group in which a package names its commands.
GROUP = 'franka_rl.commands'


def main() -> None:
    """Run ``franka-rl`` and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """
    Run one command.

    :param arguments: the command line without the program's name.
    :returns: 0 done, 1 failed while running, 2 refused before starting, 130 interrupted.
    """
    # A process manager ends its programs with SIGTERM; they clean up as they do after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell starts its background jobs with this one ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        application()(arguments, prog_name='franka-rl')
    except SystemExit as leave:  # typer's own: help, wrong usage, typer.Exit, Ctrl-C
        return int(leave.code or DONE)
    except RefusedError as error:
        return _say(f'refused: {error}', REFUSED)
    except FrankaRLError as error:
        return _say(f'failed: {error}', FAILED)
    return DONE


def application() -> typer.Typer:
    """Build the application from the entry points."""
    app = typer.Typer(
        help='Train, evaluate and deploy policies for Franka arms.',
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={'help_option_names': ['-h', '--help']},
    )
    commands = {entry.name: entry for entry in entry_points(group=GROUP)}
    for name in sorted(commands):
        app.command(name)(_load(commands[name]))
    return app


def _load(entry: EntryPoint) -> Callable[..., None]:
    """Import a command; one whose package is missing here says so when it is called."""
    try:
        command: Callable[..., None] = entry.load()
    except ModuleNotFoundError as error:
        missing = str(error.name)

        def command() -> None:
            raise MissingDependencyError(missing, 'make setup')

        command.__doc__ = f'Not available: {missing} is not installed.'
    return command


def _say(text: str, code: int) -> int:
    print(f'franka-rl: {text}', file=sys.stderr)
    return code
