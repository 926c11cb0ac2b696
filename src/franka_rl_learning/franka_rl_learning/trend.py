# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The picture of one training: the scores of its episodes, and what has become of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from franka_rl_core.exceptions import MissingDependencyError
from franka_rl_learning.record import RECENT, read_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
#: Readable in print, and by those who see no red or no green (Okabe and Ito).
COLORS = ('#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#000000')
UNIT = '[sum of rewards]'
_RAW = '#9fb7c9'
# More points than a picture has columns show nothing more.
_COLUMNS = 1_000
_STYLE = {
    'font.size': 15,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': '#dfe5ea',
    'legend.frameon': False,
}


def check_matplotlib() -> None:
    """
    Refuse to draw without what draws, before the work that shall be drawn.

    :raises MissingDependencyError: matplotlib is not installed.
    """
    if find_spec('matplotlib') is None:
        raise MissingDependencyError('matplotlib', 'pip install matplotlib')


@contextmanager
def canvas(path: Path, **arguments: Any) -> Iterator[Figure]:
    """
    Give an empty figure, and write it to a file, which is complete at any time.

    :param arguments: of the figure.
    """
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(10.0, 7.0), dpi=100, **arguments)
        yield figure
        draft = path.with_suffix('.draft')
        figure.savefig(draft, format=path.suffix[1:])
    draft.rename(path)


def title_of(settings: Mapping[str, Any]) -> str:
    """Say in a few words which run it is, by the names of its settings."""
    return ' · '.join(
        [
            *(str(settings[key]) for key in ('task', 'algorithm', 'backend')),
            f'seed {settings["seed"]}',
        ]
    )


def smoothed(values: Any) -> Floats:
    """Give the simple moving average: at each place of the last 100 values, or all before."""
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    ends = np.arange(1, len(sums))
    starts = np.maximum(ends - RECENT, 0)
    means: Floats = (sums[ends] - sums[starts]) / (ends - starts)
    return means


def draw_trend(rows: NDArray[Any], title: str, path: Path) -> None:
    """
    Draw returns with their moving average, and the share of successes, over the episodes.

    :param rows: (E,) of :data:`ROW`.
    :param title: says which training it is.
    :param path: PNG file.
    """
    with canvas(path) as figure:
        # By hand: to have it computed takes as long as to draw the picture.
        figure.subplots_adjust(left=0.12, right=0.97, bottom=0.1, top=0.88, hspace=0.12)
        scores, successes = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        figure.suptitle(title, x=0.12, y=0.98, ha='left', fontsize=17, fontweight='bold')
        scores.set_ylabel(f'return {UNIT}')
        successes.xaxis.set_major_formatter('{x:,.0f}')
        successes.set(xlabel='episode', ylabel='success [%]', ylim=(-4.0, 104.0))
        if len(rows):
            _draw_scores(scores, rows['return'])
            _draw_successes(successes, rows['success'])
        else:
            scores.text(
                0.5, 0.5, 'no episode has ended yet', ha='center', transform=scores.transAxes
            )
        figure.align_ylabels()


def _draw_scores(axes: Axes, returns: Any) -> None:
    episodes, low, high = extremes(returns)
    band = np.column_stack([low, high]).ravel()
    axes.plot(np.repeat(episodes, 2), band, color=_RAW, linewidth=1.0, label='each episode')
    places, mean = at_columns(smoothed(returns))
    label = f'mean of the last {RECENT} episodes'
    axes.plot(places, mean, color=COLORS[0], linewidth=2.5, label=label)
    above = {'loc': 'lower left', 'bbox_to_anchor': (-0.01, 0.99), 'borderaxespad': 0.2}
    axes.legend(ncols=2, **above)
    axes.margins(x=0.01)


def _draw_successes(axes: Axes, successes: Any) -> None:
    places, share = at_columns(100.0 * smoothed(successes))
    axes.plot(places, share, color=COLORS[2], linewidth=2.5)
    axes.set_yticks([0, 50, 100])


def extremes(values: Any) -> tuple[Floats, Floats, Floats]:
    """
    Give lowest and highest value of each column of a picture.

    :returns: episodes from 1 on, lows and highs, each (K,), K up to the number of columns.
    """
    starts = _starts(len(values))
    low, high = (extreme.reduceat(values, starts) for extreme in (np.minimum, np.maximum))
    return starts + 1.0, low, high


def at_columns(values: Floats) -> tuple[Floats, Floats]:
    """Give episodes from 1 on, and values, each (K,), K up to the number of columns."""
    places = np.unique(np.append(_starts(len(values)), len(values) - 1))
    return places + 1.0, values[places]


def main(record: str, title: str, path: str) -> None:
    """Draw the record in a file; in a process of its own, because of the time of the imports."""
    draw_trend(read_rows(Path(record)), title, Path(path))


def _starts(count: int) -> NDArray[np.intp]:
    return np.unique(np.linspace(0, count, min(count, _COLUMNS), endpoint=False).astype(np.intp))


if __name__ == '__main__':
    main(*sys.argv[1:])
