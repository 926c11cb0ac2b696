# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""``franka-rl bench``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Annotated

import typer

from franka_rl_core.bench.row import BenchOptions, Row
from franka_rl_core.cli.options import JsonFile, option
from franka_rl_core.envs.config import EnvConfig, check_backend
from franka_rl_core.exceptions import (
    FrankaRLError,
    MissingDependencyError,
    RefusedError,
    UnknownNameError,
)
from franka_rl_core.exit_codes import FAILED

#: Entry-point group in which a package names its groups of measurements.
GROUP = 'franka_rl.benchmarks'
_FOLDERS = (Path('docs/benchmarks'), Path('benchmarks'))

Measure = Callable[[BenchOptions], Iterator[Row]]


def command(
    peers: Annotated[
        bool, typer.Option('--peers', help='Measure panda-gym and ikpy too, in turn with ours.')
    ] = False,
    only: Annotated[
        str, typer.Option(metavar='TEXT', help='Run only groups whose name contains this.')
    ] = '',
    quick: Annotated[
        bool,
        typer.Option('--quick', help='Measure less and shorter: shows that it works here.'),
    ] = False,
    device: Annotated[str, option(EnvConfig, 'device')] = EnvConfig.device,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar='DIR',
            help='Folder for bench.json, bench.md and bench.png; docs/benchmarks, or benchmarks '
            'where that does not exist. With --only or --quick: none unless it is given; '
            'with --only, what was measured replaces the rows of the same name there; without, '
            'all but the rows of other devices.',
        ),
    ] = None,
    json_file: JsonFile = None,
) -> None:
    """Measure speed, memory, training times and transfer, and compare with others."""
    from franka_rl_core.bench import report
    from franka_rl_core.bench.peers import check_peers

    entries = find_groups(only)
    if out and only and quick and (out / 'bench.json').exists():
        raise RefusedError(f'--quick rows would replace those in {out}: choose another --out')
    if peers:
        check_peers()
    if device != EnvConfig.device:
        check_backend(EnvConfig(backend='kinematic', device=device))
    folder = out if out or only or quick else _default_folder()
    report.check_folder(folder)
    old = report.read_rows(folder) if folder else []
    rows: list[Row] = []
    failed = []
    for entry in entries:
        try:
            for row in _load(entry)(BenchOptions(peers, quick, device)):
                print(row.line(), flush=True)
                rows.append(row)
                report.write_rows(json_file if json_file != Path('/dev/stdout') else None, rows)
        except FrankaRLError as error:  # hours of other figures are not lost for this
            failed.append(entry.name)
            print(f'{entry.name} failed: {error}', file=sys.stderr, flush=True)
    print(f'\n{report.table(rows)}\n\n{report.machine()}')
    report.write_rows(json_file, rows)
    if folder:
        left = report.merged(old, rows) if only else [*rows, *report.elsewhere(old, device)]
        report.write_report(folder, left)
        print(f'report: {folder}')
    if failed:
        print(f'could not be measured: {", ".join(failed)}', file=sys.stderr)
        raise typer.Exit(FAILED)


def find_groups(only: str) -> list[EntryPoint]:
    """
    Find the groups whose name contains a text, in the order of their names.

    :raises UnknownNameError: there is none; the message lists those that are.
    """
    entries = {entry.name: entry for entry in entry_points(group=GROUP)}
    found = [entries[name] for name in sorted(entries) if only in name]
    if not found:
        raise UnknownNameError('group of benchmarks', only, entries)
    return found


def _load(entry: EntryPoint) -> Measure:
    try:
        measure: Measure = entry.load()
    except ModuleNotFoundError as error:
        raise MissingDependencyError(str(error.name), 'make setup') from error
    return measure


def _default_folder() -> Path:
    return next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[-1])
