# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""Several trainings over each other: what differs by the seed alone as mean and spread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import RefusedError
from franka_rl_learning.record import RECENT, read_rows
from franka_rl_learning.run_folder import CONDUCT, RunFolder
from franka_rl_learning.trend import COLORS, UNIT, Floats, canvas, smoothed

#: What can be along the horizontal axis: its title, and its values from (E,) rows.
AXES: dict[str, tuple[str, Callable[[NDArray[Any]], Floats]]] = {
    'episodes': ('episode', lambda rows: np.arange(1.0, len(rows) + 1.0)),
    'steps': ('steps of all worlds', lambda rows: rows['steps'].astype(np.float64)),
    'seconds': ('time of learning [s]', lambda rows: rows['seconds'].astype(np.float64)),
}
# Names the kind of a run; these come first.
_KIND = ('task', 'algorithm', 'backend')
_POINTS = 500


@dataclass(frozen=True)
class Run:
    """What a run was told, and what became of it."""

    settings: Mapping[str, Any]  # those that decide on what is learned, the seed left out
    seed: int
    rows: NDArray[Any]  # (E,) of ROW, E > 0


def read_run(folder: Path) -> Run:
    """
    Read the folder of a run, which may be going on.

    :raises RefusedError: it holds no training record, or no episode has ended yet.
    """
    run = RunFolder(folder)
    if not run.record.is_file():
        raise RefusedError(
            f'{folder} holds no {run.record.name}: name folders of runs of franka-rl train'
        )
    rows, settings = read_rows(run.record), flat(run.settings())
    if not len(rows):
        raise RefusedError(f'in {folder} no episode has ended yet')
    others = {key: value for key, value in settings.items() if key not in CONDUCT | {'seed'}}
    return Run(others, settings['seed'], rows)


def flat(settings: Mapping[str, Any], prefix: str = '') -> dict[str, Any]:
    """Give entries of mappings as ``key.entry``; options of the algorithm by their own names."""
    result: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, Mapping):
            inner = '' if key == 'algorithm_options' else f'{prefix}{key}.'
            result |= flat(value, inner)
        else:
            result[prefix + key] = value
    return result


def grouped(runs: Iterable[Run]) -> list[list[Run]]:
    """Put runs together that differ in the seed alone, in the order of the first of each."""
    groups: list[list[Run]] = []
    for run in runs:
        same = (group for group in groups if group[0].settings == run.settings)
        if group := next(same, None):
            group.append(run)
        else:
            groups.append([run])
    return groups


def labels(settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """
    Say in what each differs from the others.

    Of runs of several algorithms, the options of each are left out, unless one is there twice.
    """
    kinds = [{key: each[key] for key in _KIND} for each in settings]
    names = _KIND if _unique(kinds) else tuple(dict.fromkeys(key for s in settings for key in s))
    differ = [name for name in names if not _same(each.get(name) for each in settings)]
    return [
        ', '.join(f'{name} {each[name]}' for name in differ if name in each) for each in settings
    ]


def _unique(values: Sequence[Any]) -> bool:
    return all(value not in values[:place] for place, value in enumerate(values))


def _same(values: Iterable[Any]) -> bool:
    first, *others = values
    return all(value == first for value in others)


def draw_runs(runs: Sequence[Run], over: str, path: Path) -> None:
    """
    Draw the moving averages of the returns.

    :param over: one of :data:`AXES`.
    :param path: file, see :data:`SUFFIXES` of the command.
    """
    title, values = AXES[over]
    groups = grouped(runs)
    names = labels([group[0].settings for group in groups])
    with canvas(path, layout='constrained') as figure:
        axes = figure.subplots()
        for place, (group, name) in enumerate(zip(groups, names, strict=True)):
            color = COLORS[place % len(COLORS)]
            grid, scores = curves(group, values)
            axes.plot(
                grid, scores.mean(axis=0), color=color, linewidth=2.5, label=_label(group, name)
            )
            axes.fill_between(grid, scores.min(axis=0), scores.max(axis=0), color=color, alpha=0.2)
        axes.xaxis.set_major_formatter('{x:,.0f}')
        axes.set(xlabel=title, ylabel=f'return {UNIT},\nmean of the last {RECENT} episodes')
        axes.set_title(_title(groups), loc='left', fontsize=17, fontweight='bold')
        several = any(len(group) > 1 for group in groups)
        text = 'line: mean of the seeds, band: from the lowest to the highest' if several else None
        figure.legend(loc='outside lower left', title=text, alignment='left')


def curves(group: Sequence[Run], values: Callable[[NDArray[Any]], Floats]) -> tuple[Floats, Floats]:
    """
    Give the moving averages of some runs at the same places, where all of them have some.

    :param values: gives the places of the episodes, (E,), from rows.
    :returns: (K,) places, and (R, K) averages of R runs.
    """
    places = [values(run.rows) for run in group]
    first, last = max(each[0] for each in places), min(each[-1] for each in places)
    grid = np.linspace(first, max(first, last), _POINTS)
    pairs = zip(places, group, strict=True)
    return grid, np.array([np.interp(grid, x, smoothed(run.rows['return'])) for x, run in pairs])


def _label(group: Sequence[Run], name: str) -> str:
    seeds = ', '.join(str(run.seed) for run in group)
    words = f'seeds {seeds}' if len(group) > 1 else f'seed {seeds}'
    return f'{name} ({words})' if name else words


def _title(groups: Sequence[Sequence[Run]]) -> str:
    """Say what all runs have in common."""
    first = groups[0][0].settings
    same = (key for key in _KIND if _same(group[0].settings[key] for group in groups))
    return ' · '.join(str(first[key]) for key in same)
