# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""What is left of a run of ``franka-rl bench``: a table, numbers and a picture."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from franka_rl_core.bench.row import Row, digits
from franka_rl_core.exceptions import MissingDependencyError, RefusedError
from franka_rl_core.json_file import write_json

COLUMNS = ('name', 'value', 'unit', 'ratio', 'peer', 'value of the peer')
_STEPS = 'env_steps'
_DASHES = ('-', '--', ':', '-.')


def table(rows: Iterable[Row]) -> str:
    """Give the rows as a Markdown table; a ratio above 1 means that ours is better."""
    cells = [
        (
            f'`{row.name}`',
            digits(row.value),
            row.unit,
            digits(row.ratio),
            row.peer or '–',
            digits(row.peer_value),
        )
        for row in rows
    ]
    lines = [COLUMNS, ('---', '--:', '---', '--:', '---', '--:'), *cells]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines)


def machine() -> str:
    """Describe the machine in one line."""
    system = f'{platform.system()} {platform.machine()}'
    load = os.getloadavg()[0]
    return f'Python {platform.python_version()}, {system}, {os.cpu_count()} cores, load {load:.1f}'


def write_rows(path: Path | None, rows: Iterable[Row]) -> None:
    """
    Write the rows as JSON; what could not be measured is null.

    :param path: None writes nothing.
    :raises FrankaRLError: the file cannot be written.
    """
    content: Any = [row.to_dict() for row in rows]
    write_json(path, content)


def check_folder(folder: Path | None) -> None:
    """
    Make the folder of the report, before the work whose numbers it shall hold.

    :raises RefusedError: it cannot be written.
    :raises MissingDependencyError: the picture cannot be drawn.
    """
    if folder is None:
        return
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingDependencyError('matplotlib', 'pip install matplotlib') from error
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RefusedError(f'cannot write {folder}: {error.strerror}') from error
    if not os.access(folder, os.W_OK):
        raise RefusedError(f'cannot write {folder}: choose another --out')


def read_rows(folder: Path) -> list[Row]:
    """
    Read the rows of an earlier report, if there is one.

    :raises RefusedError: the file holds something else.
    """
    path = folder / 'bench.json'
    try:
        return [Row.from_dict(row) for row in json.loads(path.read_text(encoding='utf-8'))]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RefusedError(f'{path} holds no rows of franka-rl bench: {error}') from error


def merged(old: Iterable[Row], rows: Iterable[Row]) -> list[Row]:
    """Put new rows in the places of old ones of the same name, and the others behind them."""
    new = {row.name: row for row in rows}
    return [*(new.pop(row.name, row) for row in old), *new.values()]


def elsewhere(rows: Iterable[Row], device: str) -> list[Row]:
    """Give the rows that were measured on another device, which may not be at hand again."""
    return [row for row in rows if row.settings.get('device', device) != device]


def write_report(folder: Path, rows: Sequence[Row]) -> None:
    """
    Write ``bench.json``, ``bench.md`` and, if speeds of environments were measured, ``bench.png``.

    :raises FrankaRLError: a file cannot be written.
    """
    write_rows(folder / 'bench.json', rows)
    (folder / 'bench.md').write_text(
        f'{table(rows)}\n\nNewest rows: {machine()}\n', encoding='utf-8'
    )
    if lines := speed_lines(rows):
        _draw(lines, folder / 'bench.png')


def speed_lines(rows: Iterable[Row]) -> dict[str, list[tuple[int, float]]]:
    """Sort ``env_steps/<backend>/<control>/<worlds>`` into a line for each backend and control."""
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        kind, *words = row.name.split('/')
        if kind == _STEPS and len(words) == 3 and row.value > 0.0:
            line = lines.setdefault(f'{words[0]}, {words[1]}', [])
            line.append((int(words[2]), row.value))
    return {name: sorted(points) for name, points in lines.items()}


def _draw(lines: dict[str, list[tuple[int, float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 4.5), layout='constrained')
    axes = figure.subplots()
    colors: dict[str, str] = {}  # one for each backend; dashes are for the controls
    dashes: dict[str, str] = {}
    for name, points in lines.items():
        backend, control = name.split(', ')
        color = colors.setdefault(backend, f'C{len(colors)}')
        dash = dashes.setdefault(control, _DASHES[len(dashes) % len(_DASHES)])
        axes.loglog(*zip(*points, strict=True), dash, color=color, marker='o', label=name)
    axes.set_xlabel('worlds')
    axes.set_ylabel('world steps per second')
    axes.grid(visible=True, which='major', alpha=0.4)
    figure.legend(loc='outside right center', fontsize='small')
    figure.savefig(path, dpi=150)
