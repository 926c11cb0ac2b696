# Copyright 2026 The franka_rl Authors
# SPDX-License-Identifier: Apache-2.0
"""The plots of the acceptance report, as SVG that is put into its page."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: of the conditions in their order: readable in print, and by those who see no red or no green
#: (Okabe and Ito)
COLORS = ('#0072b2', '#e69f00', '#009e73', '#cc79a7')
_INK, _SOFT, _GRID = '#22303c', '#5d6b78', '#dfe5ea'
_KINDS = {
    'position': 'joint range, from its middle',
    'velocity': 'velocity',
    'acceleration': 'acceleration',
    'jerk': 'jerk',
}
_STYLE = {
    'font.size': 9.5,
    'font.family': 'sans-serif',
    'text.color': _INK,
    'axes.labelcolor': _SOFT,
    'axes.edgecolor': _GRID,
    'axes.titlesize': 10.5,
    'axes.titlelocation': 'left',
    'axes.titleweight': 'bold',
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.grid': True,
    'axes.axisbelow': True,
    'grid.color': _GRID,
    'grid.linewidth': 0.8,
    'xtick.color': _SOFT,
    'ytick.color': _SOFT,
    'legend.frameon': False,
    'svg.fonttype': 'path',  # the same everywhere, without fonts
}

Results = dict[str, dict[str, Any]]


def color(report: dict[str, Any], name: str) -> str:
    """Give the color of a condition."""
    return COLORS[list(report['conditions']).index(name) % len(COLORS)]


def limits(report: dict[str, Any]) -> str:
    """Draw the shares of the limits that each joint used: a field for each kind of limit."""
    done = _done(report)

    def draw(figure: Figure) -> None:
        fields = figure.subplots(2, 2, sharex=True, sharey=True)
        for axes, (kind, title) in zip(fields.flat, _KINDS.items(), strict=True):
            _bars(axes, report, done, kind)
            axes.set_title(title)
        for axes in fields[:, 0]:
            axes.set_ylabel('share of the limit [%]')
        for axes in fields[1]:
            axes.set_xlabel('joint')
        handles, labels = fields[0, 1].get_legend_handles_labels()
        figure.legend(handles, labels, loc='outside upper center', ncols=6, fontsize=9)

    return _svg('limits', (8.6, 5.4), draw)


def _bars(axes: Axes, report: dict[str, Any], done: Results, kind: str) -> None:
    width = 0.8 / max(len(done), 1)
    for index, (name, result) in enumerate(done.items()):
        shares = 100.0 * np.array(result['limits_used'][kind])
        joints = np.arange(1, len(shares) + 1)
        place = joints + (index - 0.5 * (len(done) - 1)) * width
        axes.bar(place, shares, 0.9 * width, color=color(report, name), label=name)
        axes.set_xticks(joints)
    axes.axhline(100.0, color='#c0392b', linewidth=1.4, label='limit of the arm')
    if kind in (own := _own_limits(report)):
        dashes = (0, (4, 3))
        label = 'limit that the guard keeps'
        axes.axhline(own[kind], color=_SOFT, linewidth=1.0, linestyle=dashes, label=label)
    axes.set_ylim(0.0, max(108.0, 1.05 * axes.dataLim.y1))
    axes.set_yticks([0, 25, 50, 75, 100])
    axes.grid(visible=False, axis='x')


def _own_limits(report: dict[str, Any]) -> dict[str, float]:
    """Give what the guard allows itself [%]."""
    safety, limits = report['guard']['safety'], report['guard']['limits']
    return {
        'velocity': 100.0 * safety['velocity_fraction'],
        'acceleration': 100.0 * safety['acceleration_fraction'],
        'jerk': 100.0 * limits['jerk_fraction'],
    }


def success(report: dict[str, Any]) -> str:
    """Draw the success rate of each condition, with its interval and what is required."""
    done = _done(report)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for place, (name, result) in enumerate(done.items()):
            rate, (low, high) = result['success_rate'], result['success_interval']
            axes.barh(place, 100.0 * rate, 0.55, color=color(report, name), alpha=0.85)
            axes.plot([100.0 * low, 100.0 * high], [place] * 2, color=_INK, linewidth=1.6)
            axes.plot([100.0 * low, 100.0 * high], [place] * 2, '|', color=_INK, markersize=9)
            needed = 100.0 * result['required_success']
            axes.plot([needed] * 2, [place - 0.38, place + 0.38], color='#c0392b', linewidth=1.6)
        axes.set_yticks(range(len(done)), list(done))
        axes.invert_yaxis()
        axes.set_xlim(0.0, 101.0)
        axes.set_xlabel('episodes that reached their goal [%]')
        axes.grid(visible=False, axis='y')

    return _svg('success', (4.2, 2.9), draw)


def latency(report: dict[str, Any]) -> str:
    """Draw how long it took from observations to commands."""
    done = _done(report)

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for name, result in done.items():
            histogram = result['latency_ms']['histogram']
            counts, edges = np.array(histogram['count']), histogram['edges']
            shares = 100.0 * counts / max(counts.sum(), 1)
            axes.stairs(shares, edges, color=color(report, name), linewidth=1.6, label=name)
        axes.set_xlim(0.0, 20.0)
        axes.set_xticks([0, 5, 10, 15, 20], ['0', '5', '10', '15', '20+'])
        axes.set_ylim(bottom=0.0)
        axes.set_xlabel('from the observation to the command [ms]')
        axes.set_ylabel('targets [%]')
        axes.legend()

    return _svg('latency', (4.2, 2.9), draw)


def distance(report: dict[str, Any]) -> str:
    """Draw the distance from the goal over the time of every episode."""
    done = _done(report)

    def draw(figure: Figure) -> None:
        fields = figure.subplots(1, max(len(done), 1), sharex=True, sharey=True, squeeze=False)
        for axes, (name, result) in zip(fields[0], done.items(), strict=False):
            for episode in result['episodes']:
                centimetres = 100.0 * np.array(episode['distance_m'])
                axes.plot(
                    episode['time_s'],
                    centimetres,
                    color=color(report, name),
                    alpha=0.55,
                    linewidth=1.1,
                )
                axes.plot(
                    episode['time_s'][-1],
                    centimetres[-1],
                    'o',
                    color=color(report, name),
                    markersize=3.2,
                )
            axes.axhline(100.0 * report['goal_tolerance_m'], color='#c0392b', linewidth=1.2)
            axes.set_title(name)
            axes.set_xlabel('time [s]')
            axes.set_ylim(bottom=0.0)
            axes.set_xlim(left=0.0)
        fields[0, 0].set_ylabel('tool to goal [cm]')

    return _svg('distance', (8.6, 2.7), draw)


def _done(report: dict[str, Any]) -> Results:
    return {n: r for n, r in report['conditions'].items() if not r['problem']}


def _svg(name: str, size: tuple[float, float], draw: Any) -> str:
    """Draw a figure; the names inside are its own, so that several can be in one page."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context({**_STYLE, 'svg.hashsalt': name}):
        figure = Figure(figsize=size, layout='constrained')
        draw(figure)
        text = io.StringIO()
        nothing = dict.fromkeys(('Date', 'Creator', 'Format', 'Type'))
        figure.savefig(text, format='svg', transparent=True, metadata=nothing)
    # Without the XML declaration, and sized by the page.
    content = text.getvalue()
    return content[content.index('<svg') :]
