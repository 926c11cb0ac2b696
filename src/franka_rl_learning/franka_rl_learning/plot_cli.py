# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl plot``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from franka_rl_core.exceptions import RefusedError, UnknownNameError
from franka_rl_core.json_file import check_json
from franka_rl_learning.comparison import AXES, draw_runs, read_run
from franka_rl_learning.trend import check_matplotlib

SUFFIXES = ('.png', '.svg', '.pdf')


def command(
    runs: Annotated[
        list[Path], typer.Argument(metavar='RUN...', help='Folders of runs of franka-rl train.')
    ],
    out: Annotated[
        Path, typer.Option(metavar='FILE', help=f'Picture to write: {", ".join(SUFFIXES)}.')
    ],
    over: Annotated[str, typer.Option(help=f'Horizontal axis: {", ".join(AXES)}.')] = 'episodes',
) -> None:
    """
    Draw the scores of several runs over each other.

    Runs that differ in the seed alone are one line, their mean, in a band from
    the lowest to the highest; the legend says in what the others differ.
    """
    if out.suffix not in SUFFIXES:
        raise RefusedError(f'{out} must end in one of {", ".join(SUFFIXES)}')
    if over not in AXES:
        raise UnknownNameError('axis', over, AXES)
    check_json(out)
    check_matplotlib()
    draw_runs([read_run(folder) for folder in runs], over, out)
    print(f'picture: {out}')
